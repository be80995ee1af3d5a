//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const unixSockets = true

// account is the user that PostgreSQL runs as: ourselves, or an unprivileged
// one when we are root, as whom PostgreSQL refuses to run.
type account struct {
	credential *syscall.Credential // nil: ourselves
}

// serverAccount prefers the user that packages of PostgreSQL make. Where the
// machine knows no users at all, as in a minimal container, it takes the number
// that "nobody" has by custom.
func serverAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return &account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the ID of user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the group of user %s: %w", name, err)
		}
		return &account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return &account{&syscall.Credential{Uid: 65534, Gid: 65534}}, nil
}

// own gives a file or directory to the account.
func (a *account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		return fmt.Errorf("giving %s to the user that PostgreSQL runs as: %w", path, err)
	}
	return nil
}

// command prepares a program to be run as the account, in a session of its own
// so that a Ctrl-C in our terminal is ours alone to act upon, with nothing of
// our environment that could lead PostgreSQL elsewhere.
func (a *account) command(ctx context.Context, dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = serverEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: a.credential}
	return cmd
}

func serverEnvironment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case name == "TZ", strings.HasPrefix(name, "PG"), strings.HasPrefix(name, "LC_"), strings.HasPrefix(name, "LANG"):
		default:
			env = append(env, entry)
		}
	}
	return env
}

// checkAccess returns an error unless the account can work in the directory. It
// is fs.ErrPermission when the account may not, as where a private parent keeps it
// out; any other error means that this could not be found out.
func (a *account) checkAccess(ctx context.Context, dir string) error {
	if a.credential == nil {
		return nil
	}
	err := a.command(ctx, dir, "/bin/sh", "-c", `test -w . && test -x "$1"`, "sh", dir).Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // the process was killed, which says nothing about the directory
	case errors.As(err, new(*exec.ExitError)):
		return fs.ErrPermission
	}
	return err
}

// postmaster is a running server's main process.
type postmaster struct {
	pid     int
	process *os.Process
	done    chan struct{} // closed when the process is gone
}

// launch starts the server's main process as our own child. It returns before
// the server is ready.
func launch(_ context.Context, s *Server) (*postmaster, error) {
	logFile, err := os.OpenFile(filepath.Join(s.dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the server's log: %w", err)
	}
	defer logFile.Close()
	cmd := s.account.command(context.Background(), s.dir, s.bin.tool("postgres"),
		"-D", s.dataDir(), "-p", strconv.Itoa(s.port))
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pm := &postmaster{pid: cmd.Process.Pid, process: cmd.Process, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(pm.done)
	}()
	return pm, nil
}

func (pm *postmaster) stop(mode stopMode) error {
	sig := syscall.SIGINT
	if mode == immediate {
		sig = syscall.SIGQUIT
	}
	if err := pm.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
