//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// sample is what one load cost.
type sample struct {
	Wall   time.Duration
	Client time.Duration // processor time of the loading processes
	Server time.Duration // processor time of PostgreSQL
	Memory int64         // most bytes resident in a loading process, 0 when there are few
	WAL    int64         // bytes of write-ahead log that the server wrote
}

// loadTimeout bounds one load.
const loadTimeout = 10 * time.Minute

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
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return
	}
	// Linux counts it in KiB, and counts in what this process had when it
	// started the other: what is not above that is not known.
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err == nil && usage.Maxrss > own.Maxrss {
		s.Memory = max(s.Memory, usage.Maxrss<<10)
	}
}

// stream runs a pipeline that ends by itself, as upstream's csv input does, or
// whose output named "events" has sent all the rows.
func stream(ctx context.Context, dir, binary, address, config string, rows int) (sample, error) {
	began := time.Now()
	r, err := start(ctx, dir, binary, address, config)
	if err != nil {
		return sample{}, err
	}
	defer r.stop()
	if err := r.awaitSent(ctx, rows); err != nil {
		return sample{}, err
	}
	s := sample{Wall: time.Since(began)}
	if err := r.end(); err != nil {
		return sample{}, err
	}
	s.add(r.cmd.ProcessState)
	return s, nil
}
