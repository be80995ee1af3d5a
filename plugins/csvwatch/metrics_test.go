package csvwatch

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// gathered holds the metrics of a stream by name.
type gathered struct {
	mu     sync.Mutex
	values map[string]int64
	kinds  map[string]string
	more   chan struct{}
}

func newGathered() *gathered {
	return &gathered{values: map[string]int64{}, kinds: map[string]string{}, more: make(chan struct{}, 1)}
}

type gatheredMetric struct {
	to   *gathered
	name string
}

func (m gatheredMetric) set(change func(int64) int64) {
	m.to.mu.Lock()
	defer m.to.mu.Unlock()
	m.to.values[m.name] = change(m.to.values[m.name])
	select {
	case m.to.more <- struct{}{}:
	default:
	}
}

func (m gatheredMetric) Incr(n int64) { m.set(func(v int64) int64 { return v + n }) }
func (m gatheredMetric) Set(n int64)  { m.set(func(int64) int64 { return n }) }
func (m gatheredMetric) Timing(int64) {}

func (g *gathered) metric(name, kind string) gatheredMetric {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kinds[name] = kind
	return gatheredMetric{g, name}
}

func (g *gathered) NewCounterCtor(name string, _ ...string) service.MetricsExporterCounterCtor {
	m := g.metric(name, "counter")
	return func(...string) service.MetricsExporterCounter { return m }
}

func (g *gathered) NewTimerCtor(name string, _ ...string) service.MetricsExporterTimerCtor {
	m := g.metric(name, "timer")
	return func(...string) service.MetricsExporterTimer { return m }
}

func (g *gathered) NewGaugeCtor(name string, _ ...string) service.MetricsExporterGaugeCtor {
	m := g.metric(name, "gauge")
	return func(...string) service.MetricsExporterGauge { return m }
}

func (g *gathered) Close(context.Context) error { return nil }

// ours returns the metrics of csv_watch that are in want.
func (g *gathered) ours(want map[string]int64) map[string]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	got := map[string]int64{}
	for name := range want {
		got[name] = g.values["csv_watch_"+name]
	}
	return got
}

func (g *gathered) await(t *testing.T, want map[string]int64) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !maps.Equal(want, g.ours(want)) {
		select {
		case <-g.more:
		case <-deadline:
			require.Equal(t, want, g.ours(want))
		}
	}
}

// streamWith runs a stream, gathers its metrics and passes its batches to a function.
func streamWith(t *testing.T, g *gathered, input string, answer func(service.MessageBatch) error) {
	t.Helper()
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterMetricsExporter("gathering", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) { return g, nil }))
	b := env.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.SetMetricsYAML("gathering: {}"))
	require.NoError(t, b.AddInputYAML(input))
	require.NoError(t, b.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error { return answer(batch) }))
	stream, err := b.Build()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	t.Cleanup(func() {
		require.NoError(t, stream.StopWithin(20*time.Second))
		<-ended
	})
}

func TestMetricsShowTheState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	require.NoError(t, os.Mkdir(in, 0o755))
	write := func(name, text string, age time.Duration) {
		t.Helper()
		aside := filepath.Join(dir, "aside")
		require.NoError(t, os.WriteFile(aside, []byte(text), 0o644))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(aside, at, at))
		require.NoError(t, os.Rename(aside, filepath.Join(in, name)))
	}
	first, second := "id,v\n1,a\n2\n3,c\n4,d\n", "id,v\n5,e\n6,f\n"
	write("a.csv", first, 3*time.Hour)
	write("b.csv", second, 2*time.Hour)
	write("bad.csv", "id,id\n1,2\n", time.Hour)

	release := make(chan struct{})
	g := newGathered()
	streamWith(t, g, childConfig(dir, "  batch_count: 4\n  checkpoint_limit: 4\n  quiet_period: 1ms\n  delete_on_finish: true\n"),
		func(service.MessageBatch) error { <-release; return nil })

	// The first file is in flight, and the limit allows no further read, not even of the end of the file.
	g.await(t, map[string]int64{
		"files_discovered_total": 3, "files_known": 3, "files_waiting": 3, "files_open": 1, "files_finished_total": 0, "files_failed_total": 0,
		"rows_read_total": 4, "rows_bad_total": 1, "rows_acked_total": 0, "rows_unacked": 4,
		"read_bytes_total": int64(len(first)), "backlog_bytes": int64(len(second) + len("id,id\n1,2\n")), "files_refused": 0,
	})
	g.mu.Lock()
	require.InDelta(t, (2 * time.Hour).Seconds(), g.values["csv_watch_oldest_unread_seconds"], 600)
	g.mu.Unlock()

	close(release)
	g.await(t, map[string]int64{
		"files_discovered_total": 3, "files_known": 1, "files_waiting": 0, "files_open": 0, "files_finished_total": 2, "files_failed_total": 1,
		"files_cleaned_total": 2, "rows_read_total": 7, "rows_bad_total": 2, "rows_acked_total": 7, "rows_unacked": 0, // the refused file counts as a bad row
		"read_bytes_total": int64(len(first + second)), "backlog_bytes": 0, "files_refused": 1, "checkpoint_failures_total": 0,
	})
}

func TestFailedSavesAreCounted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let go of what is open")
	}
	dir := t.TempDir()
	g := newGathered()
	p := &pipeline{tb: t, dir: dir}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
	streamWith(t, g, childConfig(dir, "  checkpoint_interval: 10ms\n"), func(service.MessageBatch) error { return nil })
	p.write("a.csv", "id\n1\n")
	g.await(t, map[string]int64{"rows_acked_total": 1, "checkpoint_failures_total": 0})
	state := filepath.Join(dir, "state")
	require.NoError(t, os.RemoveAll(state))
	require.NoError(t, os.WriteFile(state, nil, 0o644))
	p.write("a.csv", "2\n")
	deadline := time.After(20 * time.Second)
	for g.ours(map[string]int64{"checkpoint_failures_total": 0})["checkpoint_failures_total"] == 0 {
		select {
		case <-g.more:
		case <-deadline:
			t.Fatal("no save failed")
		}
	}
}

// TestEachMetricIsInTheDocumentation compares the metrics with the description.
func TestEachMetricIsInTheDocumentation(t *testing.T) {
	t.Parallel()
	g := newGathered()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in", "a.csv"), []byte("id\n1\n"), 0o644))
	streamWith(t, g, childConfig(dir, ""), func(service.MessageBatch) error { return nil })
	g.await(t, map[string]int64{"rows_acked_total": 1})
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for name := range g.kinds {
		if strings.HasPrefix(name, "csv_watch_") {
			names = append(names, name)
			require.Contains(t, description, "`"+name+"`")
		}
	}
	slices.Sort(names)
	require.Len(t, names, 20, "%q", names)
}
