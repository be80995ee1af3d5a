package watch

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	restartFiles = flag.Int("restart.files", 10_000, "how many finished files BenchmarkRestart starts with")
	wakeBytes    = flag.Int64("wake.bytes", 64<<20, "how large the file is that BenchmarkWake appends to")
)

// BenchmarkRestart measures how long a start takes over files that are finished, until it is known that none of them has
// changed.
func BenchmarkRestart(b *testing.B) {
	w := newWorld(b)
	w.options.MaxOpen, w.options.BatchRows = 64, 1000
	text := csvOf("a", 500)
	for n := range *restartFiles {
		w.write(fmt.Sprintf("in/%d.csv", n), text)
	}
	w.start()
	w.rest()
	w.rows = nil
	w.close()
	for b.Loop() {
		w.start()
		w.rest()
		b.StopTimer()
		require.Empty(b, w.rows)
		w.close()
		b.StartTimer()
	}
}

// BenchmarkWake measures how long it takes from a row being appended to a file that was at rest for long until it comes.
func BenchmarkWake(b *testing.B) {
	w := newWorld(b)
	w.options.BatchRows, w.options.MaxRows, w.options.MaxBytes = 1000, 100_000, 64<<20
	f, err := os.Create(w.path("in/large.csv"))
	require.NoError(b, err)
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(out, "id,v")
	row := "1," + strings.Repeat("x", 97) + "\n"
	for n := int64(0); n < *wakeBytes; n += int64(len(row)) {
		_, _ = out.WriteString(row)
	}
	require.NoError(b, out.Flush())
	require.NoError(b, f.Close())
	w.byHand = true
	w.start()
	require.NoError(b, w.watcher.ScanNow(b.Context()))
	rows := 0
	take := func(n int) {
		for rows < n {
			segments, err := w.watcher.Next(b.Context(), 1000, nil)
			require.NoError(b, err)
			for _, s := range segments {
				rows += len(s.Rows)
				w.watcher.Done(s)
			}
		}
	}
	take(int((*wakeBytes + int64(len(row)) - 1) / int64(len(row))))
	b.SetBytes(*wakeBytes)
	for b.Loop() {
		b.StopTimer()
		w.restLong()
		b.StartTimer()
		w.append("in/large.csv", row)
		take(rows + 1)
	}
}

// restLong makes all files count as having been at rest for so long that they are compared when they change.
func (w *world) restLong() {
	r := &w.watcher.reader
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for f := range w.watcher.known {
		r.closeIdle(f)
		f.kept = nil
	}
}

// rest waits, for as long as it takes, until all files are found and read.
func (w *world) rest() {
	require.NoError(w.tb, w.watcher.ScanNow(w.tb.Context()))
	for w.watcher.unrest(0) != "" {
		time.Sleep(time.Millisecond)
	}
}
