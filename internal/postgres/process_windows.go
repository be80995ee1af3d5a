package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const unixSockets = false

// account is always the current user: on Windows, pg_ctl drops the privileges that
// PostgreSQL refuses to run with.
type account struct{}

func serverAccount() (*account, error) { return &account{}, nil }

func (*account) own(string) error { return nil }

func (*account) checkAccess(context.Context, string) error { return nil }

func (*account) command(ctx context.Context, dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	return cmd
}

// postmaster is a running server's main process.
type postmaster struct {
	pid    int
	server *Server
	done   chan struct{} // closed when the process has ended
}

// launch starts the server through pg_ctl and returns when it is ready.
func launch(ctx context.Context, s *Server) (*postmaster, error) {
	out, err := s.account.command(ctx, s.dir, s.bin.tool("pg_ctl"), "start", "-w",
		"-D", s.dataDir(), "-l", filepath.Join(s.dir, logName),
		"-o", "-p "+strconv.Itoa(s.port)).CombinedOutput()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	raw, err := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
	if err != nil {
		return nil, fmt.Errorf("reading the server's process ID: %w", err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return nil, fmt.Errorf("reading the server's process ID: %w", err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, fmt.Errorf("finding the server's process: %w", err)
	}
	pm := &postmaster{pid: pid, server: s, done: make(chan struct{})}
	go func() {
		_, _ = process.Wait()
		close(pm.done)
	}()
	return pm, nil
}

func (pm *postmaster) stop(mode stopMode) error {
	out, err := exec.Command(pm.server.bin.tool("pg_ctl"), "stop", "-w", "-m", string(mode),
		"-D", pm.server.dataDir()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
