package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/livepage"
	"github.com/ecommerce-ingest/connect/internal/scrape"
	"github.com/ecommerce-ingest/connect/internal/status"
)

// stream is a shipped pipeline that runs in this process.
type stream struct {
	name  string
	inner *service.Stream
	mux   *http.ServeMux

	ended chan struct{} // closed when the stream has ended
	err   error         // valid once ended is closed
}

// startStream starts a pipeline. It takes variables from vars only, so that the
// environment of the process does not affect the demo.
func startStream(files fs.FS, name string, vars map[string]string, log *slog.Logger) (*stream, error) {
	yaml, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("reading the shipped %s: %w", name, err)
	}
	s := &stream{name: name, mux: http.NewServeMux(), ended: make(chan struct{})}
	builder := service.NewStreamBuilder()
	builder.SetSchema(livepage.Schema("", ""))
	builder.SetEnvVarLookupFunc(func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	})
	// Replaces the HTTP server, so that two pipelines need no ports.
	builder.SetHTTPMux(s.mux)
	builder.SetLogger(log.With("pipeline", name))
	if err := builder.SetYAML(string(yaml)); err != nil {
		return nil, fmt.Errorf("reading the shipped %s: %w", name, err)
	}
	if s.inner, err = builder.Build(); err != nil {
		return nil, fmt.Errorf("building the shipped %s: %w", name, err)
	}
	go func() {
		s.err = s.inner.Run(context.Background())
		close(s.ended)
	}()
	return s, nil
}

// stop ends the stream after the batches in flight. A second call does nothing.
func (s *stream) stop(ctx context.Context) error {
	select {
	case <-s.ended:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := s.inner.Stop(ctx); err != nil {
		return fmt.Errorf("stopping the shipped %s: %w", s.name, err)
	}
	<-s.ended
	return nil
}

// showLive serves the live page of the stream at a free port of this machine.
func (s *stream) showLive() (*livepage.Server, error) {
	return livepage.Start(status.Of(s.inner.Resources()), livepage.Options{Address: "127.0.0.1:0"})
}

// awaitConnections waits until input and output are connected, so that the start
// does not count in the latency of the first file.
func (s *stream) awaitConnections(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for s.metric("input_connection_up") < 1 || s.metric("output_connection_up") < 1 {
		select {
		case <-s.ended:
			return fmt.Errorf("the shipped %s ended unexpectedly: %w", s.name, s.err)
		case <-ctx.Done():
			return errors.New("the pipeline did not connect: see its log above")
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// written returns how many messages the output has delivered.
func (s *stream) written() int64 { return int64(s.metric("output_sent")) }

// metric returns a metric that the pipeline exports, summed over its labels.
func (s *stream) metric(name string) (sum float64) {
	request, err := http.NewRequest(http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0
	}
	page := &page{header: http.Header{}}
	s.mux.ServeHTTP(page, request)
	sum, _, _ = scrape.Sum(&page.body, name, nil) // 0 until the pipeline exports it
	return sum
}

// page records an HTTP response.
type page struct {
	header http.Header
	body   bytes.Buffer
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }
func (p *page) WriteHeader(int)             {}
