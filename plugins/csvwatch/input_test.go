package csvwatch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// pipeline is a stream with a csv_watch input and a function as its output.
type pipeline struct {
	tb     testing.TB
	dir    string
	stream *service.Stream
	ended  chan error

	mu      sync.Mutex
	changed chan struct{}
	rows    []string
	answer  func(service.MessageBatch) error
}

// childConfig returns an input that watches dir/in with its positions in dir/state. extra is more YAML of it.
func childConfig(dir, extra string) string {
	return fmt.Sprintf("csv_watch:\n  paths: [ %q ]\n  checkpoint_dir: %q\n%s", filepath.Join(dir, "in", "**", "*.csv"), filepath.Join(dir, "state"), extra)
}

// startPipeline runs csv_watch on dir/in/*.csv with its positions in dir/state. extra is more YAML of the input.
func startPipeline(tb testing.TB, dir, extra string) *pipeline {
	tb.Helper()
	return startPipelineWith(tb, dir, extra, "")
}

// startPipelineWith has a cache resource too, if its YAML is not empty.
func startPipelineWith(tb testing.TB, dir, extra, cache string) *pipeline {
	tb.Helper()
	p := &pipeline{tb: tb, dir: dir, changed: make(chan struct{}), ended: make(chan error, 1)}
	require.NoError(tb, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
	b := service.NewStreamBuilder()
	require.NoError(tb, b.SetLoggerYAML("level: none"))
	require.NoError(tb, b.AddInputYAML(fmt.Sprintf("csv_watch:\n  paths: [ %q ]\n  checkpoint_dir: %q\n%s",
		filepath.Join(dir, "in", "*.csv"), filepath.Join(dir, "state"), extra)))
	if cache != "" {
		require.NoError(tb, b.AddCacheYAML(cache))
	}
	require.NoError(tb, b.AddBatchConsumerFunc(p.consume))
	stream, err := b.Build()
	require.NoError(tb, err)
	p.stream = stream
	go func() { p.ended <- stream.Run(context.Background()) }()
	tb.Cleanup(p.stop)
	return p
}

func (p *pipeline) consume(_ context.Context, batch service.MessageBatch) error {
	p.mu.Lock()
	answer := p.answer
	p.mu.Unlock()
	if answer != nil {
		if err := answer(batch); err != nil {
			p.mu.Lock()
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range batch {
		text, _ := m.AsBytes()
		p.rows = append(p.rows, string(text))
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return nil
}

// waitFor waits until so many rows have arrived, and returns all that have.
func (p *pipeline) waitFor(n int) []string {
	p.tb.Helper()
	deadline := time.After(20 * time.Second)
	for {
		p.mu.Lock()
		rows, changed := append([]string(nil), p.rows...), p.changed
		p.mu.Unlock()
		if len(rows) >= n {
			return rows
		}
		select {
		case <-changed:
		case <-deadline:
			p.tb.Fatalf("%d rows arrived, not %d: %q", len(rows), n, rows)
		}
	}
}

// stop ends the stream as SIGTERM would.
func (p *pipeline) stop() {
	if p.stream == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(p.tb, p.stream.Stop(ctx))
	<-p.ended
	p.stream = nil
}

func (p *pipeline) write(name, text string) {
	p.tb.Helper()
	f, err := os.OpenFile(filepath.Join(p.dir, "in", name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	require.NoError(p.tb, err)
	_, err = f.WriteString(text)
	require.NoError(p.tb, err)
	require.NoError(p.tb, f.Close())
}

func TestRowsOfAGrowingFileArriveExactlyOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startPipeline(t, dir, "")
	p.write("a.csv", "id,name\n1,one\n")
	require.Equal(t, []string{`{"id":"1","name":"one"}`}, p.waitFor(1))
	p.write("a.csv", "2,two\n3,thr")
	require.Equal(t, []string{`{"id":"1","name":"one"}`, `{"id":"2","name":"two"}`}, p.waitFor(2))
	p.stop()

	q := startPipeline(t, dir, "")
	q.write("a.csv", "ee\n")
	require.Equal(t, []string{`{"id":"3","name":"three"}`}, q.waitFor(1))
}
