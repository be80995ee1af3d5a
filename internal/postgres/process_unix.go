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

// account is the user that PostgreSQL runs as: the current one, or an unprivileged
// one for root, as PostgreSQL refuses to run as root.
type account struct {
	credential *syscall.Credential // nil: the current user
}

// serverAccount prefers the user that PostgreSQL's packages create. In a container
// without any users it falls back to the usual number of "nobody".
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

// own makes the account the owner of a file or directory.
func (a *account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		return fmt.Errorf("giving %s to the user that PostgreSQL runs as: %w", path, err)
	}
	return nil
}

// command returns a command that runs as the account, without the environment
// variables that PostgreSQL would read, and in a session of its own so that it does
// not get a Ctrl-C of the terminal.
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

// checkAccess returns fs.ErrPermission if the account cannot use the directory, for
// instance because of a private parent. Any other error means that the check itself
// failed.
func (a *account) checkAccess(ctx context.Context, dir string) error {
	if a.credential == nil {
		return nil
	}
	err := a.command(ctx, dir, "/bin/sh", "-c", `test -w . && test -x "$1"`, "sh", dir).Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // the process was killed, so its exit code means nothing
	case errors.As(err, new(*exec.ExitError)):
		return fs.ErrPermission
	}
	return err
}

// postmaster is a running server's main process.
type postmaster struct {
	pid     int
	process *os.Process
	done    chan struct{} // closed when the process has ended
}

// launch starts the server's main process as a child. It returns before the server
// is ready.
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
		_ = cmd.Wait() // the log says how it ended
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
