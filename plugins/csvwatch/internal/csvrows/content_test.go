package csvrows

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// growing is a file of which so far only the first bytes are there.
type growing struct {
	content string
	there   atomic.Int64
	reads   int
	failing error // what the next read returns
}

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	g.reads++
	if err := g.failing; err != nil {
		g.failing = nil
		return 0, err
	}
	return strings.NewReader(g.content[:g.there.Load()]).ReadAt(p, off)
}

func (g *growing) grow(by int) bool {
	n := min(g.there.Load()+int64(by), int64(len(g.content)))
	g.there.Store(n)
	return n == int64(len(g.content))
}

func whole(content string) *growing {
	g := &growing{content: content}
	g.grow(len(content))
	return g
}

// result is all that reading a content to its end gives.
type result struct {
	Rows     []Row
	Columns  []string
	Err      string
	Position Position
}

func (r result) fields() [][]string {
	var all [][]string
	for _, row := range r.Rows {
		all = append(all, row.Fields)
	}
	return all
}

// readWhole reads a content that does not grow.
func readWhole(tb testing.TB, content, name string, opts Options, at Position) result {
	tb.Helper()
	r, err := Open(whole(content), name, opts, at)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, r.Close()) }()
	return drain(r, 1<<20)
}

// readScanning is readWhole without the quick ways: every record is scanned byte by byte.
func readScanning(tb testing.TB, content, name string, opts Options) result {
	tb.Helper()
	r, err := Open(whole(content), name, opts, Position{})
	require.NoError(tb, err)
	defer func() { require.NoError(tb, r.Close()) }()
	r.scanAll = true
	return drain(r, 1<<20)
}

// drain reads what there is and finishes.
func drain(r *Reader, most int) result {
	var rows []Row
	var err error
	for err == nil {
		rows, err = r.Read(rows, most)
	}
	if errors.Is(err, io.EOF) {
		rows, err = r.Finish(rows)
	}
	got := result{Rows: rows, Columns: r.Columns(), Position: r.Position()}
	if err != nil {
		got.Err = err.Error()
	}
	return flat(got)
}

// readGrowing reads a content that grows by steps at random, at most some rows at a time.
func readGrowing(tb testing.TB, content, name string, opts Options, at Position, rng *rand.Rand, step int) result {
	tb.Helper()
	src := &growing{content: content}
	r, err := Open(src, name, opts, at)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, r.Close()) }()
	var rows []Row
	for complete := false; !complete; {
		complete = src.grow(1 + rng.IntN(step))
		for i := rng.IntN(3); err == nil && i >= 0; i-- {
			had := len(rows)
			most := 1 + rng.IntN(5)
			rows, err = r.Read(rows, most)
			require.LessOrEqual(tb, len(rows)-had, most)
			require.False(tb, errors.Is(err, io.EOF) && len(rows) > had, "io.EOF came together with rows")
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if err != nil {
			return flat(result{Rows: rows, Columns: r.Columns(), Err: err.Error(), Position: r.Position()})
		}
	}
	rest := drain(r, 1+rng.IntN(100))
	rest.Rows = append(rows, rest.Rows...)
	return flat(rest)
}

// flat replaces what cannot be compared: errors by their words, and nothing by nil.
func flat(r result) result {
	rows := r.Rows
	r.Rows = nil
	for _, row := range rows {
		if row.Err != nil {
			row.Err = words(row.Err.Error())
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

type words string

func (w words) Error() string { return string(w) }
