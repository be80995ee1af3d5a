//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ecommerce-ingest/connect/internal/scrape"
)

// running is a pipeline in a process of its own.
type running struct {
	cmd     *exec.Cmd
	address string
	log     string
	ended   chan struct{} // closed when the process has ended, with failed
	failed  error
}

// start starts a pipeline. Whoever starts it stops it.
func start(ctx context.Context, dir, binary, address, config string) (*running, error) {
	path := filepath.Join(dir, "pipeline.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("writing the pipeline: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "pipeline.log"))
	if err != nil {
		return nil, fmt.Errorf("making the pipeline's log: %w", err)
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, binary, "run", path)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	r := &running{cmd: cmd, address: address, log: log.Name(), ended: make(chan struct{})}
	go func() {
		r.failed = cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// startWatching starts a pipeline from a folder into a table.
func (b *bench) startWatching(ctx context.Context, dir, table string) (*running, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	state, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	input := watchInput([]string{filepath.Join(dir, "*.csv")}, state)
	output := copyOutput(b.dsn, table, mapping(), ignore)
	return start(ctx, b.dir, b.connect, address, pipeline(address, input, output))
}

// end has the pipeline end in good order.
func (r *running) end() error {
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // already gone is as good
	<-r.ended
	return r.explain(r.failed)
}

// stop ends the pipeline, however it takes it.
func (r *running) stop() { _ = r.end() }

// explain adds what the pipeline logged last to an error.
func (r *running) explain(err error) error {
	if err == nil {
		return nil
	}
	text, _ := os.ReadFile(r.log)
	return fmt.Errorf("running %s: %w; its log ends:\n%s", filepath.Base(r.cmd.Path), err, tail(text, 2000))
}

// awaitSent waits until that many rows are out, or until the pipeline has ended
// by itself.
func (r *running) awaitSent(ctx context.Context, rows int) error {
	return r.await(ctx, fmt.Sprintf("%d rows", rows), func() bool { return r.metric(ctx, "output_sent", "events") >= rows })
}

// awaitFinished waits until that many files have every row stored and no file
// waits for anything.
func (r *running) awaitFinished(ctx context.Context, files int) error {
	return r.await(ctx, fmt.Sprintf("%d files", files), func() bool {
		return r.metric(ctx, "csv_watch_files_finished_total", "") >= files && r.metric(ctx, "csv_watch_files_waiting", "") == 0
	})
}

// awaitReady waits until the pipeline says that all of it is connected.
func (r *running) awaitReady(ctx context.Context) error {
	return r.await(ctx, "the pipeline", func() bool {
		_, err := get(ctx, "http://"+r.address+"/ready")
		return err == nil
	})
}

// await looks every now and then. Looking costs the pipeline some time too.
func (r *running) await(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-r.ended:
			return r.explain(r.failed)
		case <-ctx.Done():
			return r.explain(fmt.Errorf("waiting for %s: %w", what, ctx.Err()))
		case <-look.C:
			if done() {
				return nil
			}
		}
	}
}

// metric sums a metric over the series that have the label, "" for all; 0 while the pipeline does not answer yet.
func (r *running) metric(ctx context.Context, name, label string) int {
	text, err := get(ctx, "http://"+r.address+"/metrics")
	if err != nil {
		return 0
	}
	var labels map[string]string
	if label != "" {
		labels = map[string]string{"label": label}
	}
	sum, _, _ := scrape.Sum(bytes.NewReader(text), name, labels)
	return int(sum)
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// freeAddress is a loopback address that nobody listens on just now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func tail(text []byte, n int) string {
	return strings.TrimSpace(string(text[max(0, len(text)-n):]))
}
