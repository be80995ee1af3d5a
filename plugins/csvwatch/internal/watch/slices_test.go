package watch

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

// unpumped starts a watch of which the test takes the rows itself, when all files are found.
func (w *world) unpumped() *Watcher {
	w.tb.Helper()
	w.byHand = true
	w.start()
	require.NoError(w.tb, w.watcher.ScanNow(w.tb.Context()))
	return w.watcher
}

// next takes the next batch, which is not done.
func (w *world) next(most int) (rows []delivered, segments []*Segment) {
	w.tb.Helper()
	ctx, cancel := context.WithTimeout(w.tb.Context(), timeout)
	defer cancel()
	segments, err := w.watcher.Next(ctx, most, nil)
	require.NoError(w.tb, err)
	for _, s := range segments {
		for i := range s.Rows {
			r := &s.Rows[i]
			rows = append(rows, delivered{s.Path, s.Channel, r.Number, r.Fields, r.Raw, r.Err, s.Columns})
		}
	}
	return rows, segments
}

// restUnpumped asks for rows, of which none may come, until nothing is left to do.
func (w *world) restUnpumped() {
	w.tb.Helper()
	w.until("nothing is left to do", func() bool {
		ctx, cancel := context.WithTimeout(w.tb.Context(), 5*time.Millisecond)
		defer cancel()
		segments, err := w.watcher.Next(ctx, 1, nil)
		require.ErrorIs(w.tb, err, context.DeadlineExceeded)
		require.Empty(w.tb, segments)
		return w.watcher.unrest(0) == ""
	})
}

// all takes so many rows, and says of each batch that it is done.
func (w *world) all(n, most int) (rows []delivered) {
	w.tb.Helper()
	for len(rows) < n {
		batch, segments := w.next(most)
		rows = append(rows, batch...)
		for _, s := range segments {
			w.watcher.Done(s)
		}
	}
	return rows
}

// age makes a file look as if it had been written so long ago.
func (w *world) age(name string, ago time.Duration) {
	w.tb.Helper()
	at := time.Now().Add(-ago)
	require.NoError(w.tb, os.Chtimes(w.path(name), at, at))
}

func csvOf(name string, rows int) string {
	var b strings.Builder
	b.WriteString("file,n\n")
	for n := range rows {
		fmt.Fprintf(&b, "%s,%d\n", name, n)
	}
	return b.String()
}

func TestFilesAreReadOldestFirstOrByName(t *testing.T) {
	t.Parallel()
	const files = 200
	for _, byName := range []bool{false, true} {
		t.Run(fmt.Sprint("by name: ", byName), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.ByName = byName
			var want []string
			for n := range files {
				// The oldest has the last name.
				name := fmt.Sprintf("in/%d/%03d.csv", n%3, files-1-n)
				w.write(name, csvOf(name, 3))
				w.age(name, time.Duration(files-n)*time.Second)
				want = append(want, w.path(name))
			}
			if byName {
				want = want[:0]
				for dir := range 3 {
					for n := range files {
						if (files-1-n)%3 == dir {
							want = append(want, w.path(fmt.Sprintf("in/%d/%03d.csv", dir, n)))
						}
					}
				}
			}
			w.unpumped()
			var got []string
			for _, row := range w.all(3*files, 7) {
				if len(got) == 0 || got[len(got)-1] != row.path {
					got = append(got, row.path)
				}
			}
			require.Equal(t, want, got)
		})
	}
}

func TestANewFileTakesItsPlaceInTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 10 {
		name := fmt.Sprintf("in/%d.csv", n)
		w.write(name, csvOf(name, 1))
		w.age(name, time.Duration(100-10*n)*time.Second)
	}
	watcher := w.unpumped()
	w.all(3, 1)
	w.write("tmp/x", csvOf("late", 1))
	w.age("tmp/x", 55*time.Second)
	w.rename("tmp/x", "in/late.csv")
	require.NoError(t, watcher.ScanNow(t.Context()))
	var names []string
	for _, row := range w.all(8, 1) {
		names = append(names, row.cells[0])
	}
	require.Equal(t, []string{"in/3.csv", "in/4.csv", "late", "in/5.csv", "in/6.csv", "in/7.csv", "in/8.csv", "in/9.csv"}, names)
}

func TestHugeAndSmallFilesDoNotDelayEachOther(t *testing.T) {
	t.Parallel()
	const small, batch, huge = 100, 50, 20_000
	for _, name := range []string{"in/huge.csv", "in/huge.csv.gz", "in/huge.csv.zst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(name, packed(t, name, csvOf("huge", huge)))
			w.age(name, time.Hour) // it is the oldest, and so the first
			for n := range small {
				w.write(fmt.Sprintf("in/small-%d.csv", n), csvOf("small", 2))
			}
			w.unpumped()
			ofHuge, ofSmall, ofHugeSince := 0, 0, 0
			for ofSmall < 2*small {
				for _, row := range w.all(1, batch) {
					if row.cells[0] == "huge" {
						require.Equal(t, fmt.Sprint(ofHuge), row.cells[1], "the rows of a file come in their order")
						ofHuge++
						ofHugeSince++
					} else {
						ofSmall++
						ofHugeSince = 0
					}
					require.LessOrEqual(t, ofHugeSince, 2*batch, "a small one comes soon")
				}
			}
			// Each small file had a turn of its own, and the huge one a turn between any two of them.
			require.GreaterOrEqual(t, ofHuge, (small-1)*(batch-4))
			require.Less(t, ofHuge, huge)
		})
	}
}

func TestALongPartWithoutRowsDelaysNoOther(t *testing.T) {
	t.Parallel()
	const size = 24 << 20
	for kind, c := range map[string]struct{ header, stretch string }{
		"zeros":                         {"id,v\n", "\x00"},
		"empty lines":                   {"id,v\n", "\n"},
		"empty lines before the header": {"", "\n"},
	} {
		for _, name := range []string{"in/noRows.csv", "in/noRows.csv.gz", "in/noRows.csv.zst"} {
			t.Run(kind+" in "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				const member = 1 << 20
				w.write(name, packed(t, name, c.header)+strings.Repeat(packed(t, name, strings.Repeat(c.stretch, member)), size/member))
				w.age(name, time.Hour)
				w.write("in/a.csv", "id,v\n1,a\n")
				watcher := w.unpumped()
				rows, _ := w.next(100)
				require.Len(t, rows, 1)
				require.Equal(t, "1,a", rows[0].String())
				require.Equal(t, 1, watcher.Figures().Waiting, "the other one is not read through yet")

				// What is to be delivered again does not wait either.
				wake := make(chan struct{}, 1)
				wake <- struct{}{}
				again, err := watcher.Next(t.Context(), 100, wake)
				require.NoError(t, err)
				require.Empty(t, again)
				require.Equal(t, 1, watcher.Figures().Waiting)

				// Who asks for rows and gives up is not kept waiting either.
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, err = watcher.Next(ctx, 100, nil)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, 1, watcher.Figures().Waiting)
			})
		}
	}
}

// packed compresses a text as the name of a file tells.
func packed(tb testing.TB, name, text string) string {
	tb.Helper()
	switch {
	case strings.HasSuffix(name, ".gz"):
		return gzipped(tb, text)
	case strings.HasSuffix(name, ".zst"):
		return zstdded(tb, text)
	}
	return text
}

func TestRowsOfManyCellsCountForWhatTheyTake(t *testing.T) {
	t.Parallel()
	const columns, rows = 1000, 2000
	w := newWorld(t)
	var header []string
	for n := range columns {
		header = append(header, fmt.Sprint("c", n))
	}
	w.write("in/a.csv", strings.Join(header, ",")+"\n"+strings.Repeat(strings.Repeat(",", columns-1)+"\n", rows))
	w.options.MaxBytes = 8 << 20
	w.options.BatchRows = rows
	watcher := w.unpumped()
	got, segments := w.next(rows)
	most := (w.options.MaxBytes+sliceBytes)/(columns*cellBytes) + csvrows.ReadBytes/columns + 1
	require.NotEmpty(t, got)
	require.LessOrEqual(t, int64(len(got)), most)
	require.Less(t, len(got), rows)
	for _, s := range segments {
		watcher.Done(s)
	}
	w.all(rows-len(got), rows)
	require.Zero(t, watcher.bytes)
}

func TestRowsOfManyBytesCountForWhatTheyTake(t *testing.T) {
	t.Parallel()
	const rows = 100
	w := newWorld(t)
	w.write("in/a.csv", "id,v\n"+strings.Repeat("1,a\n", 1000)+strings.Repeat("1,"+strings.Repeat("x", 500_000)+"\n", rows))
	w.options.MaxBytes = 2 << 20
	w.unpumped()
	got, _ := w.next(10_000)
	bytes := 0
	for _, row := range got {
		bytes += len(row.raw)
	}
	require.LessOrEqual(t, bytes, 2<<20+sliceBytes+1_000_000)
}

func TestABlockedOutputIsLoggedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.MaxRows = 10
	w.write("in/a.csv", csvOf("a", 100))
	watcher := w.unpumped()
	_, segments := w.next(10)
	start := time.Now()
	o := observer{w: watcher, since: start}
	for _, after := range []time.Duration{time.Second, blockedAfter - 1, blockedAfter, 2 * blockedAfter} {
		o.look(start.Add(after))
	}
	require.Equal(t, 1, w.log.count("10 rows were read and none of them was acknowledged for 1m0s: reading waits for the output"))
	for _, s := range segments {
		watcher.Done(s)
	}
	o.look(start.Add(3 * blockedAfter))
	o.look(start.Add(4 * blockedAfter))
	require.Equal(t, 1, w.log.count("rows are acknowledged again: reading goes on"))
}

func TestLongWorkIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("in/a.csv", csvOf("a", 1000))
	watcher := w.unpumped()
	start := time.Now()
	var o observer
	o.w = watcher
	o.look(start)
	w.all(100, 100)
	o.look(start.Add(5 * time.Second))
	require.Zero(t, w.log.count("Reading: "))
	o.look(start.Add(10 * time.Second))
	require.Equal(t, 1, w.log.count("Reading: 10 rows/s, 8 % of 5.9 kB done, 5.4 kB in 1 file left, about 1m49s to go"), w.log)
	w.all(900, 1000)
	o.look(start.Add(20 * time.Second))
	w.restUnpumped()
	o.look(start.Add(30 * time.Second))
	require.Equal(t, 1, w.log.count("Caught up: 1,000 rows in "), w.log)
}

// fireAll lets the timers of all files ring at once.
func (w *world) fireAll() {
	w.watcher.mu.Lock()
	defer w.watcher.mu.Unlock()
	for f := range w.watcher.known {
		f.due = 0
		if f.writer == paused {
			f.writer = active
		}
		w.watcher.setTimer(f, w.watcher.now())
	}
}

func TestATimerSeesNoPartialRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Notify = false
	w.write("a.csv", "id,v\n1,a\n")
	past := time.Now().Add(-time.Minute)
	require.NoError(t, os.Chtimes(w.path("a.csv"), past, past))
	w.rename("a.csv", "in/a.csv") // as a finished file
	w.start()
	w.expect("1,a")
	w.append("in/a.csv", "2,b\n3,par")
	w.fireAll()
	w.came(1)
	w.append("in/a.csv", "t\n")
	w.expect("2,b", "3,part")
}
