package csvrows

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkAnyWay checks that a content gives the same rows however it grows and however many are read at a time, and that
// opening behind each row gives the rows after it.
func checkAnyWay(tb testing.TB, content, name string, opts Options) {
	tb.Helper()
	want := readWhole(tb, content, name, opts, Position{})
	require.Equal(tb, want, readScanning(tb, content, name, opts), "scanned byte by byte")
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		step := []int{1, 3, 10, 100, 1000, len(content) + 1}[seed]
		if len(content)/step > 5000 {
			continue
		}
		got := readGrowing(tb, content, name, opts, Position{}, rng, step)
		require.Equal(tb, want, got, "grown by at most %d, seed %d", step, seed)
	}
	skip := 1 + len(want.Rows)/50
	for i := 0; i < len(want.Rows); i += skip {
		at := Position{Offset: want.Rows[i].End, Row: want.Rows[i].Number}
		rest := want
		rest.Rows = append([]Row(nil), want.Rows[i+1:]...)
		if len(rest.Rows) == 0 {
			rest.Rows = nil
		}
		got := readWhole(tb, content, name, opts, at)
		require.Equal(tb, rest, got, "opened behind row %d", i+1)
		rng := rand.New(rand.NewPCG(uint64(i), 2))
		got = readGrowing(tb, content, name, opts, at, rng, 1+len(content)/5)
		require.Equal(tb, rest, got, "opened behind row %d of a content that grows", i+1)
	}
}

// anyContent makes something that looks like CSV, with all that can go wrong.
func anyContent(rng *rand.Rand) (string, Options) {
	opts := Options{ParseHeaderRow: rng.IntN(2) == 0, LazyQuotes: rng.IntN(4) == 0, TrimSpace: rng.IntN(3) == 0}
	opts.SkipRepeatedHeaders = opts.ParseHeaderRow && rng.IntN(2) == 0
	if rng.IntN(4) == 0 {
		opts.SkipRows = rng.IntN(4)
	}
	if rng.IntN(3) == 0 {
		opts.Comment = '#'
	}
	if rng.IntN(4) == 0 {
		opts.Delimiter = []rune{';', '§', '\t'}[rng.IntN(3)]
	}
	if rng.IntN(2) == 0 {
		opts.MaxRecordBytes = 5 + rng.IntN(60)
	}
	if !opts.ParseHeaderRow {
		opts.ExpectedFields = rng.IntN(5) - 1
	}
	d := string(opts.delimiter())
	pieces := []string{
		"a", "b", "1", "22", "333", "é", "\xff", "\x00", " ", "long text of a cell", d, d, d, d, "\n", "\n", "\n", "\r\n", "\r", "\r\r", "\"", "\"\"", "#", "\uFFFD",
		"x" + d + "y\n", "1" + d + "2" + d + "3\n", "\"q\"" + d + "\"r\"\r\n", d + "\"", "\"" + d, "\"\n", "\n\"", "\n1" + d + "\"x\n",
		" \"q\" " + d, d + "\t\"", "\" \n", "\nk" + d + "l\n", "\n\uFEFFk" + d + "l\n", "\uFEFF",
	}
	if rng.IntN(2) == 0 { // little else than what has a meaning, so that much of it meets
		pieces = []string{"a", "é", d, d, d, "\n", "\n", "\r", "\"", "\"", "\"", "\"" + d + "\"", "\"\n\"", "a" + d + "a\n"}
	}
	var b strings.Builder
	if rng.IntN(3) == 0 {
		b.WriteString("\uFEFF")
	}
	if rng.IntN(8) == 0 {
		b.WriteString("sep=" + []string{",", ";", "\t"}[rng.IntN(3)] + []string{"\n", "\r\n", "\r"}[rng.IntN(3)])
	}
	if rng.IntN(2) == 0 {
		b.WriteString([]string{"k" + d + "l\n", "k" + d + "\n"}[rng.IntN(2)])
	}
	for range rng.IntN(80) {
		b.WriteString(pieces[rng.IntN(len(pieces))])
	}
	return b.String(), opts
}

// pollute makes it likely that what is read next is read into memory full of quotes, which must make no difference.
func pollute() {
	chunk := chunks.Get().(*[chunkBytes + padBytes]byte)
	for i := range chunk[:4<<10] {
		chunk[i] = '"'
	}
	chunks.Put(chunk)
}

//promise:whole-records
func TestAnyGrowthAndResumeYieldTheSameRows(t *testing.T) {
	t.Parallel()
	const cases = 3000
	for seed := range uint64(cases) {
		content, opts := anyContent(rand.New(rand.NewPCG(seed, 0)))
		pollute()
		if !assert.NotPanics(t, func() { checkAnyWay(t, content, "x.csv", opts) }) || t.Failed() {
			t.Fatalf("seed %d: %q with %+v", seed, content, opts)
		}
	}
}

func TestLargeContentsAcrossBlocks(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]func(i int) string{
		"plain":  func(i int) string { return fmt.Sprintf("%d,%s,z\r\n", i, strings.Repeat("x", i%71)) },
		"quoted": func(i int) string { return fmt.Sprintf("\"%d\",\"%s\r\n\"\"\",\r\n", i, strings.Repeat("é", i%71)) },
		"CR":     func(i int) string { return fmt.Sprintf("%d,\"%s\",\r", i, strings.Repeat("€", i%71)) },
		"mixed": func(i int) string {
			return []string{"1,2,3\n", "4,\"5\r\n\",6\r\n", "\n\r\n", "7,8\n", "9,\xff,10\n", "# c \"\r", "11,\"12\"x,13\n"}[i%7]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := strings.Builder{}
			b.WriteString("\uFEFFa,b,c\r\n")
			for i := 0; b.Len() < 3*chunkBytes; i++ {
				b.WriteString(row(i))
			}
			opts := with(headed, func(o *Options) { o.Comment = '#' })
			want := readWhole(t, b.String(), "x.csv", opts, Position{})
			require.Greater(t, len(want.Rows), 3000)
			for seed := range uint64(3) {
				rng := rand.New(rand.NewPCG(seed, 0))
				got := readGrowing(t, b.String(), "x.csv", opts, Position{}, rng, chunkBytes)
				require.Equal(t, want, got)
				i := rng.IntN(len(want.Rows) - 1)
				got = readWhole(t, b.String(), "x.csv", opts, Position{Offset: want.Rows[i].End, Row: want.Rows[i].Number})
				require.Equal(t, want.Rows[i+1:], got.Rows)
			}
		})
	}
}

func TestOldBytesInTheWindowAreNotRead(t *testing.T) {
	t.Parallel()
	// Behind the last record, which is looked at only when nothing follows, are the quotes of an earlier block.
	quotes := strings.Repeat(`"`, 1000)
	content := "a,b\n" + strings.Repeat(`"`+quotes+"\",2\n", 3*chunkBytes/2/len(quotes)) + "3,\"4\n\"5\","
	rows := readRows(t, content, headed)
	last := rows[len(rows)-1]
	require.NoError(t, last.Err)
	assert.Equal(t, []string{"5", ""}, last.Fields)
}

//promise:whole-records
func TestAPartialRecordIsNotRead(t *testing.T) {
	t.Parallel()
	src := &growing{content: "a,b\n1,2\n3,4"}
	src.grow(100)
	r, err := Open(src, "x.csv", headed, Position{})
	require.NoError(t, err)
	rows, err := r.Read(nil, 10)
	require.NoError(t, err)
	assert.Len(t, rows, 1)
	assert.Equal(t, Position{Offset: 8, Row: 1}, r.Position())
	for range 3 {
		rows, err = r.Read(rows[:0], 10)
		require.ErrorIs(t, err, io.EOF)
		assert.Empty(t, rows)
	}

	src.content += "5,6\n"
	src.grow(100)
	rows, err = r.Finish(nil)
	require.ErrorIs(t, err, ErrGrown)
	assert.Empty(t, rows)
	rows, err = r.Read(nil, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, "3,45,6", rows[0].Raw)
}

func TestReadingContinuesAfterFinish(t *testing.T) {
	t.Parallel()
	src := whole("a,b\n1,2")
	r, err := Open(src, "x.csv", headed, Position{})
	require.NoError(t, err)
	got := drain(r, 10)
	require.Len(t, got.Rows, 1)
	src.content += "\n3,4\n"
	src.grow(100)
	got = drain(r, 10)
	require.Len(t, got.Rows, 1)
	assert.Equal(t, []string{"3", "4"}, got.Rows[0].Fields)
	assert.Equal(t, int64(2), got.Rows[0].Number)
}

func TestATrailingCRMayBeHalfALineEnd(t *testing.T) {
	t.Parallel()
	src := &growing{content: "1,2\r\n3,4\r"}
	src.grow(4)
	r, err := Open(src, "x.csv", Options{}, Position{})
	require.NoError(t, err)
	_, err = r.Read(nil, 10)
	require.ErrorIs(t, err, io.EOF)
	src.grow(100)
	rows, err := r.Read(nil, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, int64(5), rows[0].End)
	_, err = r.Read(nil, 10)
	require.ErrorIs(t, err, io.EOF)
	rows, err = r.Finish(nil)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, int64(9), rows[0].End)
}

func TestAReadErrorIsSurvived(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x.csv", "x.csv.gz", "x.csv.zst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := whole(packed(t, name, "a,b\n1,2\n3,4\n"))
			r, err := Open(src, name, headed, Position{})
			require.NoError(t, err)
			defer r.Close()
			broken := errors.New("no such luck")
			src.failing = broken
			_, err = r.Read(nil, 10)
			require.ErrorIs(t, err, broken)
			got := drain(r, 10)
			require.Empty(t, got.Err)
			assert.Equal(t, [][]string{{"1", "2"}, {"3", "4"}}, got.fields())
			src.failing = broken
			_, err = r.Finish(nil)
			require.ErrorIs(t, err, broken)
		})
	}
}

func TestAShrunkContentIsAnError(t *testing.T) {
	t.Parallel()
	src := whole("a,b\n1,2\n3,4\n")
	r, err := Open(src, "x.csv", headed, Position{})
	require.NoError(t, err)
	_, err = r.Read(nil, 10)
	require.NoError(t, err)
	src.there.Store(5)
	_, err = r.Read(nil, 10)
	require.ErrorIs(t, err, io.EOF)
	_, err = r.Finish(nil)
	require.ErrorIs(t, err, ErrShrunk)

	for _, name := range []string{"x.csv", "x.csv.gz"} {
		got := readWhole(t, packed(t, name, "a,b\n1,2\n"), name, headed, Position{Offset: 100, Row: 7})
		assert.Contains(t, got.Err, ErrShrunk.Error())
		assert.Equal(t, Position{Offset: 100, Row: 7}, got.Position)
	}
}

func TestASlowlyGrowingLineIsSearchedOnce(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"plain": "a,b\n1,", "quoted": "a,b\n1,\"x\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Minutes of work, if each growth searched again.
			src := &growing{content: begin + strings.Repeat("x", 400_000)}
			r, err := Open(src, "x.csv", headed, Position{})
			require.NoError(t, err)
			for !src.grow(3) {
				_, err := r.Read(nil, 10)
				require.ErrorIs(t, err, io.EOF)
			}
		})
	}
}

func TestCloseStopsARead(t *testing.T) {
	t.Parallel()
	r, err := Open(endless{}, "x.csv", Options{MaxRecordBytes: 10}, Position{})
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		_, err := r.Read(nil, 10)
		done <- err
	}()
	require.NoError(t, r.Close())
	require.ErrorIs(t, <-done, os.ErrClosed)
	_, err = r.Read(nil, 10)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = r.Finish(nil)
	require.ErrorIs(t, err, os.ErrClosed)
	require.NoError(t, r.Close())
}

// endless is a line that has no end.
type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
