package watch

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

func TestMoreFilesThanMayBeOpenTakeTurns(t *testing.T) {
	t.Parallel()
	const files, rows, batch = 20, 300, 10
	for _, kind := range []string{"csv", "csv.gz", "csv.zst"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.MaxOpen = 4
			for n := range files {
				name := fmt.Sprintf("in/%d.%s", n, kind)
				w.write(name, packed(t, name, csvOf(name, rows)))
			}
			watcher := w.unpumped()
			next := map[string]int{}
			for left := files * rows; left > 0; {
				for _, row := range w.all(1, batch) {
					require.Equal(t, fmt.Sprint(next[row.path]), row.cells[1], "the rows of a file come in their order")
					next[row.path]++
					left--
				}
				require.LessOrEqual(t, watcher.Figures().Open, w.options.MaxOpen)
			}
		})
	}
}

func TestWhatMustBeDecodedAnewIsSeldomClosed(t *testing.T) {
	t.Parallel()
	packed := &opened{from: 1000}
	require.False(t, packed.mayClose(csvrows.Position{Offset: 1000}))
	require.False(t, packed.mayClose(csvrows.Position{Offset: 2000}))
	require.True(t, packed.mayClose(csvrows.Position{Offset: 2001}))
	plain := &opened{from: 1000, plain: true}
	require.False(t, plain.mayClose(csvrows.Position{Offset: 1000}))
	require.True(t, plain.mayClose(csvrows.Position{Offset: 1001}))
}

func TestDeletedFilesDoNotTakeAllPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.MaxOpen = 4
	w.start()
	for n := range 20 {
		name := fmt.Sprintf("in/%d.csv", n)
		w.write(name, "id,v\n1,a\n2,torn")
		w.expect("1,a")
		w.remove(name)
		w.settle()
		require.LessOrEqual(t, w.watcher.Figures().Open, w.options.MaxOpen)
	}
	w.rows = nil
}

func TestAnOpenDeletedFileIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	const rows = 5000
	w := newWorld(t)
	w.write("in/a.csv", csvOf("a", rows))
	watcher := w.unpumped()
	w.all(100, 100)
	w.remove("in/a.csv")
	require.NoError(t, watcher.ScanNow(t.Context()))
	require.NoError(t, watcher.ScanNow(t.Context()))
	w.write("in/b.csv", csvOf("b", 1))
	require.NoError(t, watcher.ScanNow(t.Context()))
	got := w.all(rows-100+1, 100)
	require.Equal(t, fmt.Sprintf("a,%d", rows-1), got[len(got)-1].String())
}

// readerOf returns the reader of the only open file.
func (w *world) readerOf(tb testing.TB) *csvrows.Reader {
	tb.Helper()
	r := &w.watcher.reader
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	require.Len(tb, r.open, 1)
	for f := range r.open {
		return f.open.rows
	}
	return nil
}

func TestAPartialRecordIsNotReadAgainPerPiece(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n2,\"")
	w.expect("1,a")
	reader := w.readerOf(t)
	long := strings.Repeat("x\n", heldCompared/2)
	for range 5 {
		w.append("in/a.csv", long)
		w.expect()
		require.Same(t, reader, w.readerOf(t))
	}
	w.append("in/a.csv", "\"\n")
	w.expect("2," + strings.Repeat(long, 5))
	require.Same(t, reader, w.readerOf(t))

	// One that is taken back in its last bytes is read again.
	w.append("in/a.csv", "3,\""+long)
	w.expect()
	st, err := os.Stat(w.path("in/a.csv"))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(w.path("in/a.csv"), st.Size()-int64(len(long))-3))
	w.append("in/a.csv", "4,d\n"+strings.Repeat("5,e\n", len(long)/4+2))
	w.settle()
	require.NotSame(t, reader, w.readerOf(t))
	want := []string{"4,d"}
	for range len(long)/4 + 2 {
		want = append(want, "5,e")
	}
	w.expect(want...)
}

func TestReadAheadIsComparedWithTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("in/a.csv", "id,v\n1,a\n2,b\n3,torn")
	watcher := w.unpumped()
	rows, _ := w.next(1)
	require.Len(t, rows, 1)
	require.NoError(t, os.Truncate(w.path("in/a.csv"), int64(len("id,v\n1,a\n2,b\n"))))
	w.append("in/a.csv", "4,d\n")
	require.NoError(t, watcher.ScanNow(t.Context()))
	var got []string
	for _, row := range w.all(2, 10) {
		got = append(got, row.String())
	}
	require.Equal(t, []string{"2,b", "4,d"}, got)
}

func TestAFileExchangedBeforeItsOpeningIsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	watcher := w.unpumped()
	w.write("in/a.csv", "id,v\n1,a\n")
	require.NoError(t, watcher.ScanNow(t.Context()))
	w.write("tmp/b", "id,v\n2,b\n")
	w.rename("tmp/b", "in/a.csv") // which nobody has looked at
	rows := w.all(1, 10)
	require.Equal(t, "2,b", rows[0].String())
	require.NoError(t, watcher.ScanNow(t.Context()))
	require.NoError(t, watcher.ScanNow(t.Context()))
	require.Equal(t, 1, w.knownFiles())
}

func TestAFileThatGrewMeanwhileIsNotFinished(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"in/a.csv", "in/a.csv.gz"} {
		w := newWorld(t)
		w.write(name, packed(t, name, "id,v\n1,a\n"))
		st, err := fileid.Of(w.path(name))
		require.NoError(t, err)
		o, err := open(w.path(name), st, w.options.Rows, checkpoint{}, content.Check{}, nil)
		require.NoError(t, err)
		defer o.Close()
		w.append(name, packed(t, name, "2,torn"))
		var t1 taken
		require.NoError(t, o.readRows(&t1, 100))
		require.False(t, t1.more)
		_, err = o.finish(t1.rows, st.Size)
		require.ErrorIs(t, err, csvrows.ErrGrown)
	}
}
