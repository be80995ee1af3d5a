// Package postgres gives a PostgreSQL to whoever needs one for a while: the
// demo and the tests. It takes the server it is told to take; else it runs a
// throwaway one of its own from the binaries installed on the machine; else
// from binaries that it downloads and keeps.
//
// A throwaway server listens on loopback only, asks for a random password, and
// vanishes together with its directory when it is stopped, and also when the
// process that started it ends in any other way: by Ctrl-C, by a panic, by
// os.Exit or by SIGKILL. See watchdog.
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

// ErrNotOurs is returned by the methods that stop or restart a server when the
// server was named by its user and so is not ours to stop.
var ErrNotOurs = errors.New("the server was named by its DSN and is not ours to stop")

// Options says which PostgreSQL is wanted. The zero value is a throwaway
// server with PostgreSQL's own default settings.
type Options struct {
	// DSN names a running server, as a URL or in keyword=value form. When it is
	// set nothing is started, and Stop leaves the server alone.
	DSN string

	// Version is the major version of the throwaway server that is wanted, such
	// as "17". Empty takes the first that is found. It may not be given together
	// with DSN.
	Version string

	// Settings are written to the postgresql.conf of a throwaway server. They
	// may not be given together with DSN.
	Settings map[string]string

	// Dir is the directory under which a throwaway server makes its own. Empty
	// means the first of the system's temporary directories that the server's
	// user can enter.
	Dir string

	// Log is told in a few lines what is being started and why. Nil is silent.
	Log io.Writer
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		fmt.Fprintf(o.Log, format+"\n", args...)
	}
}

// Server is a PostgreSQL that can be used until Stop. Its methods may be called
// from several goroutines.
type Server struct {
	dsn string

	// What follows is nil or zero for a named server.
	bin      Binaries
	dir      string
	port     int
	account  *account
	watchdog *watchdog

	mu         sync.Mutex
	postmaster *postmaster // nil while the server is down
	stopped    bool        // Stop was called: nothing is left
}

// Start gives a PostgreSQL: the server named by opts.DSN if that is set; else a
// throwaway one from installed binaries; else a throwaway one from downloaded
// binaries. ctx bounds the starting only, not the life of the server.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.DSN != "" {
		if len(opts.Settings) > 0 {
			return nil, errors.New("settings cannot be given for a server that is already running: remove either the DSN or the settings")
		}
		if opts.Version != "" {
			return nil, errors.New("a version cannot be chosen for a server that is already running: remove either the DSN or the version")
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
		return nil, fmt.Errorf("connecting to the PostgreSQL named by its DSN: %w", err)
	}
	opts.logf("Using the PostgreSQL that was named")
	return &Server{dsn: opts.DSN}, nil
}

// startOwn makes the directory, sets the watchdog on it, and only then starts
// anything in it: from the first moment on there is somebody to clean up.
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

// DSN returns the URL (or what Options.DSN said) of the maintenance database,
// for a user that may create databases.
func (s *Server) DSN() string { return s.dsn }

// Scratch returns a folder that vanishes with a throwaway server, however that
// comes about, for files of which the same is wanted; "" for a named server.
// It is made by the first call.
func (s *Server) Scratch() (string, error) {
	if s.Named() {
		return "", nil
	}
	dir := filepath.Join(s.dir, "scratch")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a folder beside the server: %w", err)
	}
	return dir, nil
}

// Named tells whether the server was named by its user, rather than started here.
func (s *Server) Named() bool { return s.dir == "" }

// Log returns the end of what a throwaway server wrote to its log, at most a
// few kilobytes, and "" for a named server.
func (s *Server) Log() string {
	if s.Named() {
		return ""
	}
	return tail(filepath.Join(s.dir, logName), 8<<10)
}

// Psql returns the path of a psql to look inside with: the one on the PATH or
// the one that came with the server's binaries; "psql" when there is neither.
func (s *Server) Psql() string { return psql(s.bin.Dir) }

// StopNow stops a throwaway server as a crash would: no checkpoint, every
// connection cut. Its data stays, for Restart. It does nothing when the server
// is down already, and returns ErrNotOurs for a named server.
func (s *Server) StopNow(ctx context.Context) error {
	if s.Named() {
		return ErrNotOurs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halt(ctx, immediate)
}

// Restart brings a throwaway server up again on the same data and the same
// port, after shutting it down cleanly if it was up. It returns ErrNotOurs for
// a named server, and an error after Stop.
func (s *Server) Restart(ctx context.Context) error {
	if s.Named() {
		return ErrNotOurs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errors.New("the server was stopped for good: nothing is left to restart")
	}
	if err := s.halt(ctx, fast); err != nil {
		return err
	}
	return s.startAgain(ctx)
}

// Stop ends a throwaway server for good: connections are cut, the server shuts
// down cleanly, and its directory is removed. A named server is left alone. A
// second call does nothing.
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

// remove lets the watchdog go and deletes the directory. Should the server
// still run, the watchdog kills it.
func (s *Server) remove() error {
	if s.watchdog != nil {
		s.watchdog.release()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing the directory of PostgreSQL: %w", err)
	}
	return nil
}
