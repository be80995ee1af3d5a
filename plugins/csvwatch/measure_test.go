package csvwatch

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

var (
	backlogFiles = flag.Int("backlog.files", 20_000, "how many files BenchmarkBacklog has")
	idleFiles    = flag.Int("idle.files", 10_000, "how many finished files BenchmarkIdle watches")
	largeBytes   = flag.Int64("large.bytes", 200_000_000, "how large the larger file of BenchmarkMemory is")
)

// startInput connects an input without a pipeline around it.
func startInput(tb testing.TB, dir, extra string) *input {
	tb.Helper()
	require.NoError(tb, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
	c, err := parse(fmt.Sprintf("paths: [ %q ]\ncheckpoint_dir: %q\n%s", filepath.Join(dir, "in", "*.csv"), filepath.Join(dir, "state"), extra))
	require.NoError(tb, err)
	in := newInput(c, service.MockResources())
	require.NoError(tb, in.Connect(context.Background()))
	tb.Cleanup(func() { require.NoError(tb, in.Close(context.Background())) })
	return in
}

// drain reads and acknowledges so many rows.
func drain(tb testing.TB, in *input, rows int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for rows > 0 {
		batch, ack, err := in.ReadBatch(ctx)
		require.NoError(tb, err)
		rows -= len(batch)
		require.NoError(tb, ack(ctx, nil))
	}
}

// BenchmarkNotification measures how long it takes from the rename of a new file, and from an append, to the first
// message.
func BenchmarkNotification(b *testing.B) {
	dir := b.TempDir()
	in := startInput(b, dir, "")
	aside := filepath.Join(dir, "aside")
	grown, err := os.OpenFile(filepath.Join(dir, "in", "grown.csv"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	require.NoError(b, err)
	_, err = grown.WriteString("id,text\n1,one\n")
	require.NoError(b, err)
	drain(b, in, 1)
	var renamed, appended []time.Duration
	n := 0
	for b.Loop() {
		n++
		require.NoError(b, os.WriteFile(aside, []byte("id,text\n1,one\n2,two\n"), 0o644))
		start := time.Now()
		require.NoError(b, os.Rename(aside, filepath.Join(dir, "in", fmt.Sprint(n, ".csv"))))
		drain(b, in, 2)
		renamed = append(renamed, time.Since(start))

		start = time.Now()
		_, err = grown.WriteString("3,three\n")
		require.NoError(b, err)
		drain(b, in, 1)
		appended = append(appended, time.Since(start))
	}
	report := func(name string, all []time.Duration) {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, name+"-p99-ms")
	}
	report("rename", renamed)
	report("append", appended)
}

// BenchmarkIdle measures what it costs to watch finished files: CPU time, and the heap.
func BenchmarkIdle(b *testing.B) {
	for _, mode := range []string{"notified", "polled"} {
		b.Run(mode, func(b *testing.B) {
			dir := b.TempDir()
			writeFiles(b, filepath.Join(dir, "in"), *idleFiles)
			base := heap()
			in := startInput(b, dir, map[string]string{"notified": "quiet_period: 100ms", "polled": "quiet_period: 100ms\nnotify: false"}[mode])
			drain(b, in, 10*(*idleFiles))
			time.Sleep(5 * time.Second)
			for b.Loop() {
				before, start := cpuTime(), time.Now()
				time.Sleep(30 * time.Second)
				b.ReportMetric(100*(cpuTime()-before).Seconds()/time.Since(start).Seconds(), "%core")
			}
			b.ReportMetric(float64(heap()-base)/float64(*idleFiles), "heap-B/file")
		})
	}
}

// writeFiles writes files of ten rows.
func writeFiles(b testing.TB, dir string, files int) {
	b.Helper()
	require.NoError(b, os.MkdirAll(dir, 0o755))
	for n := range files {
		text := "id,user,type,price\n"
		for i := range 10 {
			text += fmt.Sprintf("%d,%d,view,12.5\n", n*10+i, i)
		}
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%07d.csv", n)), []byte(text), 0o644))
	}
}

// BenchmarkBacklog measures the start with many small files: the time to the first row, files per second, and memory.
func BenchmarkBacklog(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		writeFiles(b, filepath.Join(dir, "in"), *backlogFiles)
		base := heap()
		before, start := cpuTime(), time.Now()
		in := startInput(b, dir, "")
		drain(b, in, 1)
		b.ReportMetric(time.Since(start).Seconds(), "s-to-first-row")
		drain(b, in, 10*(*backlogFiles)-1000)
		b.ReportMetric(float64(*backlogFiles)/time.Since(start).Seconds(), "files/s")
		b.ReportMetric(float64(*backlogFiles)/(cpuTime()-before).Seconds(), "files/cpu-s")
		b.ReportMetric(float64(heap()-base)/float64(*backlogFiles), "heap-B/file")
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMemory measures the peak of memory while a small and a large file are read into drop: the live heap, and the
// heap including garbage.
func BenchmarkMemory(b *testing.B) {
	for _, c := range []struct {
		name string
		size int64
	}{{"1MB", 1_000_000}, {"large", *largeBytes}} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			file := filepath.Join(dir, "events.csv")
			rows := int(c.size / 145)
			size := writeShopFile(b, file, rows)
			runtime.GC()
			for b.Loop() {
				most, stop := peak()
				took := runUntilReceived(b, fmt.Sprintf("csv_watch: { paths: [ %q ], checkpoint_dir: %q }", file, filepath.Join(b.TempDir(), "state")), rows)
				stop()
				b.ReportMetric(float64(most.live)/1e6, "peak-live-MB")
				b.ReportMetric(float64(most.heap)/1e6, "peak-heap-MB")
				b.ReportMetric(float64(rows)/took.Seconds(), "rows/cpu-s")
				b.ReportMetric(float64(size)/1e6, "file-MB")
			}
		})
	}
}

// used is memory in bytes: the live heap after the last collection, and the whole heap.
type used struct{ live, heap uint64 }

// peak records the maximum of used until it is stopped.
func peak() (most *used, stop func()) {
	most = &used{}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(samples)
			most.live = max(most.live, samples[0].Value.Uint64())
			most.heap = max(most.heap, samples[1].Value.Uint64())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return most, func() { close(done); <-ended }
}
