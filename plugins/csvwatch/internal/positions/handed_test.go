package positions

import (
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
)

func handed(n int, end int64) Handed {
	return Handed{Channel: someEntry(n).Channel, Check: content.Check{End: end, Sum: uint64(end), Tail: 1}}
}

func TestWhatWasHandedOutIsKeptUntilItIsDone(t *testing.T) {
	t.Parallel()
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := open()
			load(t, s)
			require.NoError(t, s.Save(t.Context(), []Entry{someEntry(1), someEntry(2), someEntry(3)}, nil))
			require.NoError(t, s.Hand(t.Context(), []Handed{handed(1, 150), handed(2, 250), handed(9, 10)}))
			require.NoError(t, s.Hand(t.Context(), []Handed{handed(1, 180), handed(3, 400)}))
			done := someEntry(2)
			done.Content.End = 250
			require.NoError(t, s.Save(t.Context(), []Entry{done}, nil))
			require.NoError(t, s.Close())

			for range 2 { // over more than one start
				s = open()
				got, warning := load(t, s)
				require.Empty(t, warning)
				require.Len(t, got, 3)
				require.Equal(t, handed(1, 180).Check, got[someEntry(1).Channel].Handed)
				require.Zero(t, got[someEntry(2).Channel].Handed)
				require.Equal(t, handed(3, 400).Check, got[someEntry(3).Channel].Handed)
				require.NoError(t, s.Close())
			}
		})
	}
}

func TestTheLogOfWhatWasHandedOutStaysSmall(t *testing.T) {
	t.Parallel()
	d, err := OpenDir(t.TempDir())
	require.NoError(t, err)
	defer d.Close()
	load(t, d)
	require.NoError(t, d.Save(t.Context(), []Entry{someEntry(1)}, nil))
	for n := range 15_000 {
		require.NoError(t, d.Hand(t.Context(), []Handed{handed(1, int64(200+n))}))
	}
	st, err := os.Stat(d.file(handedName))
	require.NoError(t, err)
	require.LessOrEqual(t, st.Size(), int64(handedMost+1000))
	require.NoError(t, d.Close())
	d, err = OpenDir(d.path)
	require.NoError(t, err)
	got, _ := load(t, d)
	require.EqualValues(t, 200+15_000-1, got[someEntry(1).Channel].Handed.End)
}

func TestAnOlderJournalIsRead(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	const journal = "csv_watch positions, version 1\n" +
		`{"channel":"01234567-89ab-7def-8123-456789abcdef","file":{"Dev":7,"Ino":8},"path":"in/a.csv","offset":10,"row":2,` +
		`"check":{"end":10,"head":99,"head_len":10},"whole":true,"size":10,"modified":5}`
	header, text, _ := cutLine(journal)
	require.NoError(t, os.WriteFile(path+"/"+journalName, append([]byte(header), checked(text)...), 0o600))
	d, err := OpenDir(path)
	require.NoError(t, err)
	defer d.Close()
	got, warning := load(t, d)
	require.Empty(t, warning)
	require.Len(t, got, 1)
	for _, e := range got {
		require.Equal(t, &content.Legacy{End: 10, Head: 99, HeadLen: 10}, e.Legacy)
		require.Zero(t, e.Content)
		require.EqualValues(t, 10, e.Offset)
		require.True(t, e.Whole)
	}
}

// cutLine splits a text behind its first line.
func cutLine(text string) (line, rest string, found bool) {
	line, rest, found = strings.Cut(text, "\n")
	return line + "\n", rest, found
}

// checked is a line of a journal, as appendLine writes it.
func checked(text string) []byte {
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum([]byte(text), castagnoli), text)
}
