package csvwatch

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// received returns the engine's count of messages received from inputs.
type received struct {
	rows   atomic.Int64
	wanted int64
	all    chan struct{}
}

func (r *received) Incr(n int64) {
	if r.rows.Add(n) == r.wanted {
		close(r.all)
	}
}

type ignored struct{}

func (ignored) Incr(int64)   {}
func (ignored) Set(int64)    {}
func (ignored) Timing(int64) {}

func (r *received) NewCounterCtor(name string, _ ...string) service.MetricsExporterCounterCtor {
	return func(...string) service.MetricsExporterCounter {
		if name == "output_sent" {
			return r
		}
		return ignored{}
	}
}

func (r *received) NewTimerCtor(string, ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return ignored{} }
}

func (r *received) NewGaugeCtor(string, ...string) service.MetricsExporterGaugeCtor {
	return func(...string) service.MetricsExporterGauge { return ignored{} }
}

func (r *received) Close(context.Context) error { return nil }

// writeShopFile writes rows of shop events.
func writeShopFile(tb testing.TB, path string, rows int) (bytes int64) {
	tb.Helper()
	f, err := os.Create(path)
	require.NoError(tb, err)
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "event_id,user_id,session_id,event_type,product_id,product_name,category,price,quantity,timestamp")
	kinds := []string{"View", "ADD_TO_CART", "view", "Purchase"}
	for i := range rows {
		fmt.Fprintf(w, "0198c0de-7000-7000-8000-%012x,%d,5f0c5a1e-0000-4000-8000-%012x,%s,%d,\"Chair, %s\",Furniture,%d.%02d,%d,2025-06-01T12:%02d:%02d.%03dZ\n",
			i, i%5000, i/10, kinds[i%4], i%800, []string{"oak", "walnut", "steel"}[i%3], i%200, i%100, i%5, i/60%60, i%60, i%1000)
	}
	require.NoError(tb, w.Flush())
	info, err := f.Stat()
	require.NoError(tb, err)
	require.NoError(tb, f.Close())
	return info.Size()
}

// writeReferenceFile writes rows of seven columns, none of them quoted.
func writeReferenceFile(tb testing.TB, path string, rows int) (bytes int64) {
	tb.Helper()
	f, err := os.Create(path)
	require.NoError(tb, err)
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "event_id,user_id,event_type,product_id,product_name,price,timestamp")
	for i := range rows {
		fmt.Fprintf(w, "7c9e6679-7425-40de-944b-%012x,5f0c5a1e-0000-4000-8000-%012x,%s,%d,Product %d,%d.%02d,2025-06-01 12:%02d:%02d\n",
			i, i%5000, []string{"view", "add_to_cart", "purchase"}[i%3], i%800, i%800, i%200, i%100, i/60%60, i%60)
	}
	require.NoError(tb, w.Flush())
	info, err := f.Stat()
	require.NoError(tb, err)
	require.NoError(tb, f.Close())
	return info.Size()
}

// runUntilReceived runs a stream for so many rows and returns the CPU time.
func runUntilReceived(tb testing.TB, input string, rows int) time.Duration {
	tb.Helper()
	env := service.NewEnvironment()
	r := &received{wanted: int64(rows), all: make(chan struct{})}
	require.NoError(tb, env.RegisterMetricsExporter("counting", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) { return r, nil }))
	b := env.NewStreamBuilder()
	require.NoError(tb, b.SetYAML("logger: { level: none }\nmetrics: { counting: {} }\ninput:\n  "+strings.ReplaceAll(input, "\n", "\n  ")+"\noutput: { drop: {} }\n"))
	stream, err := b.Build()
	require.NoError(tb, err)
	runtime.GC()
	before := cpuTime()
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background()) }()
	select {
	case <-r.all:
	case <-time.After(5 * time.Minute):
		tb.Fatalf("%d of %d rows were received", r.rows.Load(), rows)
	}
	took := cpuTime() - before
	require.NoError(tb, stream.Stop(context.Background()))
	<-done
	return took
}

// BenchmarkAgainstStockCSV reads the same file with the stock csv input and with csv_watch, in turn, into drop: a file of
// ten columns, one of them quoted, and one of seven; with Go's default GOGC and with that of cmd/connect.
func BenchmarkAgainstStockCSV(b *testing.B) {
	for _, c := range []struct {
		name    string
		write   func(testing.TB, string, int) int64
		garbage int
	}{
		{"shop/GOGC=100", writeShopFile, 100},
		{"shop/GOGC=300", writeShopFile, 300},
		{"reference/GOGC=100", writeReferenceFile, 100},
		{"reference/GOGC=300", writeReferenceFile, 300},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(c.garbage))
			againstStock(b, c.write)
		})
	}
}

func againstStock(b *testing.B, write func(testing.TB, string, int) int64) {
	const rows = 300_000
	dir := b.TempDir()
	file := filepath.Join(dir, "events.csv")
	write(b, file, rows)
	var stock, ours, times []float64
	for b.Loop() {
		theirs := runUntilReceived(b, fmt.Sprintf("csv: { paths: [ %q ], batch_count: 1000 }", file), rows)
		took := runUntilReceived(b, fmt.Sprintf("csv_watch: { paths: [ %q ], batch_count: 1000, checkpoint_dir: %q }",
			file, filepath.Join(dir, fmt.Sprint("state", len(ours)))), rows)
		stock = append(stock, rows/theirs.Seconds())
		ours = append(ours, rows/took.Seconds())
		times = append(times, theirs.Seconds()/took.Seconds())
	}
	// Medians, because other work on the machine affects some rounds only.
	b.ReportMetric(median(stock), "stock-rows/cpu-s")
	b.ReportMetric(median(ours), "rows/cpu-s")
	b.ReportMetric(median(times), "times-stock")
	b.ReportMetric(0, "ns/op")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkReading measures csv_watch alone, for profiles.
func BenchmarkReading(b *testing.B) {
	const rows = 300_000
	dir := b.TempDir()
	file := filepath.Join(dir, "events.csv")
	b.SetBytes(writeShopFile(b, file, rows))
	var took time.Duration
	n := 0
	for b.Loop() {
		n++
		took += runUntilReceived(b, fmt.Sprintf("csv_watch: { paths: [ %q ], batch_count: 1000, checkpoint_dir: %q }",
			file, filepath.Join(dir, fmt.Sprint("state", n))), rows)
	}
	b.ReportMetric(float64(rows)*float64(n)/took.Seconds(), "rows/cpu-s")
}
