//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sample is what one load cost.
type sample struct {
	Wall   time.Duration
	Client time.Duration // processor time of the loading processes
	Server time.Duration // processor time of PostgreSQL
	Memory int64         // most bytes resident in a loading process
}

// patience bounds one load.
const patience = 10 * time.Minute

// commands runs these until every one has ended.
func commands(ctx context.Context, lines ...[]string) (sample, error) {
	began := time.Now()
	running := make([]*exec.Cmd, len(lines))
	for i, line := range lines {
		cmd := exec.CommandContext(ctx, line[0], line[1:]...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return sample{}, fmt.Errorf("starting %s: %w", line[0], err)
		}
		running[i] = cmd
	}
	var s sample
	var failed error
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("running %s: %w", lines[i][0], err))
		}
		s.add(cmd.ProcessState)
	}
	s.Wall = time.Since(began)
	return s, failed
}

func (s *sample) add(state *os.ProcessState) {
	s.Client += state.UserTime() + state.SystemTime()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		s.Memory = max(s.Memory, usage.Maxrss<<10) // Linux counts it in KiB
	}
}

// stream runs a pipeline that ends by itself, as upstream's csv input does, or
// whose output named "events" has sent all the rows.
func stream(ctx context.Context, dir, binary, address, config string, rows int) (sample, error) {
	path := filepath.Join(dir, "pipeline.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return sample{}, fmt.Errorf("writing the pipeline: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "pipeline.log"))
	if err != nil {
		return sample{}, fmt.Errorf("making the pipeline's log: %w", err)
	}
	defer log.Close()

	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "run", path)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second

	began := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, fmt.Errorf("starting %s: %w", binary, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	var s sample
	s.Wall, err = awaitSent(ctx, began, address, rows, ended)
	if err == nil {
		_ = cmd.Process.Signal(syscall.SIGTERM) // already gone is as good
		err = <-ended
	}
	if err != nil {
		_ = cmd.Process.Kill()
		text, _ := os.ReadFile(log.Name())
		return s, fmt.Errorf("running %s: %w; its log ends:\n%s", filepath.Base(binary), err, tail(text, 2000))
	}
	s.add(cmd.ProcessState)
	return s, nil
}

// awaitSent looks at the pipeline's own metrics until all rows are out.
func awaitSent(ctx context.Context, began time.Time, address string, rows int, ended chan error) (time.Duration, error) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			ended <- nil
			return time.Since(began), err
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %d rows: %w", rows, ctx.Err())
		case <-look.C:
			if sent(ctx, address) >= rows {
				return time.Since(began), nil
			}
		}
	}
}

var sentMetric = regexp.MustCompile(`(?m)^output_sent\{label="events",[^}]*\} ([0-9.e+]+)$`)

// sent is how many rows the output has had acknowledged; 0 while the pipeline
// does not answer yet.
func sent(ctx context.Context, address string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return 0
	}
	total := 0.0
	for _, match := range sentMetric.FindAllStringSubmatch(string(text), -1) {
		if n, err := strconv.ParseFloat(match[1], 64); err == nil {
			total += n
		}
	}
	return int(total)
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
