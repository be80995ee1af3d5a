// Package postgres provides a PostgreSQL server to the demo and the tests: the
// one that a DSN names, or a throwaway server from installed binaries, or a
// throwaway server from downloaded binaries.
//
// A throwaway server listens on loopback only and has a random password. Its
// processes and its directory are removed when it is stopped and however the
// process that started it ends: by Ctrl-C, a panic, os.Exit or SIGKILL.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// ErrNotOurs is returned by StopNow and Restart for a named server, which belongs
// to the user.
var ErrNotOurs = errors.New("the server was named by its DSN and is not ours to stop")

// Options describes the server to start. The zero value is a throwaway server with
// PostgreSQL's default settings.
type Options struct {
	// DSN names a running server, as a URL or in keyword=value form. If it is set,
	// nothing is started, and Stop leaves the server alone.
	DSN string

	// Version is the major version of the throwaway server, such as "17". Empty
	// means any. It excludes DSN.
	Version string

	// Settings are written to the postgresql.conf of a throwaway server. They
	// exclude DSN.
	Settings map[string]string

	// Dir is the parent of a throwaway server's directory. Empty means the first
	// temporary directory of the system that the server's user can enter.
	Dir string

	// Log receives a few lines about what is started and why. It may be nil.
	Log io.Writer
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// Server is a PostgreSQL server that can be used until Stop. It is safe for
// concurrent use.
type Server struct {
	dsn string

	// The other fields are zero for a named server.
	bin      Binaries
	dir      string
	port     int
	account  *account
	watchdog *watchdog

	mu         sync.Mutex
	postmaster *postmaster // nil while the server is down
	stopped    bool        // Stop was called
}

// Start returns the server that opts.DSN names, or starts a throwaway server from
// installed or else downloaded binaries. ctx bounds Start only, not the life of the
// server.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.DSN != "" {
		if len(opts.Settings) > 0 {
			return nil, errors.New("settings have no effect on a server that is already running: remove the DSN or the settings")
		}
		if opts.Version != "" {
			return nil, errors.New("a version cannot be chosen for a server that is already running: remove the DSN or the version")
		}
		return useNamed(ctx, opts)
	}

	acct, err := serverAccount()
	if err != nil {
		return nil, fmt.Errorf("choosing the user to run PostgreSQL as: %w", err)
	}
	bin, err := find(ctx, thisMachine(acct), opts)
	if err != nil {
		return nil, err
	}
	opts.logf("Starting a throwaway PostgreSQL %s from %s", bin.Version, bin.Dir)
	return startOwn(ctx, opts, acct, bin)
}

func useNamed(ctx context.Context, opts Options) (*Server, error) {
	if err := ping(ctx, opts.DSN); err != nil {
		return nil, fmt.Errorf("connecting to the PostgreSQL of the DSN: %w", err)
	}
	opts.logf("Using the PostgreSQL of the DSN")
	return &Server{dsn: opts.DSN}, nil
}

// startOwn starts a throwaway server. The watchdog comes before any process that it
// must clean up after.
func startOwn(ctx context.Context, opts Options, acct *account, bin Binaries) (_ *Server, err error) {
	dir, err := makeDir(ctx, opts.Dir, acct)
	if err != nil {
		return nil, fmt.Errorf("making a directory for PostgreSQL: %w", err)
	}
	s := &Server{bin: bin, dir: dir, account: acct}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()

	if s.watchdog, err = startWatchdog(dir); err != nil {
		return nil, fmt.Errorf("starting the watchdog of PostgreSQL: %w", err)
	}
	password, err := s.initialise(ctx, opts.Settings)
	if err != nil {
		return nil, err
	}
	if err := s.startOnFreePort(ctx, password); err != nil {
		return nil, err
	}
	return s, nil
}

// DSN returns Options.DSN, or the URL of a throwaway server's maintenance database
// for its superuser.
func (s *Server) DSN() string { return s.dsn }

// Scratch returns a directory that is removed with the throwaway server. The first
// call makes it. It returns "" for a named server.
func (s *Server) Scratch() (string, error) {
	if s.Named() {
		return "", nil
	}
	dir := filepath.Join(s.dir, "scratch")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the scratch directory of PostgreSQL: %w", err)
	}
	return dir, nil
}

// Named reports whether Options.DSN named the server.
func (s *Server) Named() bool { return s.dir == "" }

// Log returns the last 8 KiB of a throwaway server's log, or "" for a named server.
func (s *Server) Log() string {
	if s.Named() {
		return ""
	}
	return tail(filepath.Join(s.dir, logName), 8<<10)
}

// Psql returns a command for psql: "psql" if it is on the PATH or nowhere, else the
// path of the one beside the server's binaries.
func (s *Server) Psql() string { return psql(s.bin.Dir) }

// StopNow stops a throwaway server without a checkpoint, as a crash would. It keeps
// the data for Restart, does nothing if the server is down, and returns ErrNotOurs
// for a named server.
func (s *Server) StopNow(ctx context.Context) error {
	if s.Named() {
		return ErrNotOurs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halt(ctx, immediate)
}

// Restart starts a throwaway server again on the same data and port; if it is up,
// it is shut down cleanly first. It returns ErrNotOurs for a named server, and an
// error after Stop.
func (s *Server) Restart(ctx context.Context) error {
	if s.Named() {
		return ErrNotOurs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("the server was stopped for good and cannot be restarted")
	}
	if err := s.halt(ctx, fast); err != nil {
		return err
	}
	return s.startAgain(ctx)
}

// Stop shuts a throwaway server down cleanly and removes its directory. It does
// nothing to a named server, or if it was called before.
func (s *Server) Stop(ctx context.Context) error {
	if s.Named() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	if err := s.halt(ctx, fast); err != nil {
		return errors.Join(err, s.remove())
	}
	return s.remove()
}

// remove has the watchdog kill what still runs, and removes the directory.
func (s *Server) remove() error {
	if s.watchdog != nil {
		s.watchdog.release()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing the directory of PostgreSQL: %w", err)
	}
	return nil
}
