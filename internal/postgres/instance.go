package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	superuser = "postgres"
	logName   = "server.log"

	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
	pollEvery    = 5 * time.Millisecond

	// maxSocketPath is the longest directory of a socket: the shortest sockaddr_un
	// in use (macOS: 104 bytes with the terminator), less PostgreSQL's file name.
	maxSocketPath = 103 - len("/.s.PGSQL.65535.lock")
)

// stopMode is a shutdown mode of pg_ctl.
type stopMode string

const (
	fast      stopMode = "fast"      // close connections, shut down cleanly
	immediate stopMode = "immediate" // like a crash
)

// errPortTaken means that another process took the free port before the server
// did.
var errPortTaken = errors.New("the port was taken by another process")

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }

// initialise creates the data directory and writes the settings. The password is
// random because every user of the machine can connect to a loopback port.
func (s *Server) initialise(ctx context.Context, settings map[string]string) (password string, err error) {
	password = rand.Text()
	pwfile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the password file: %w", err)
	}
	if err := s.account.own(pwfile); err != nil {
		return "", err
	}

	cmd := s.account.command(ctx, s.dir, s.bin.tool("initdb"),
		"--pgdata="+s.dataDir(), "--username="+superuser, "--pwfile="+pwfile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("starting initdb: %w", err)
	}
	s.watchdog.watch(cmd.Process.Pid)
	err = cmd.Wait()
	s.watchdog.watch(0)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("running initdb: %w: %s", err, strings.TrimSpace(out.String()))
	}
	if err := os.Remove(pwfile); err != nil {
		return "", fmt.Errorf("removing the password file: %w", err)
	}
	return password, s.writeSettings(settings)
}

// writeSettings appends to postgresql.conf, where the last line for a setting wins.
func (s *Server) writeSettings(settings map[string]string) error {
	all := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": s.socketDir(),
		"max_connections":         "100",
		"lc_messages":             "C", // explain reads the log
		"timezone":                "UTC",
		"log_timezone":            "UTC",
	}
	for name, value := range settings {
		all[name] = value
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)

	var conf strings.Builder
	conf.WriteString("\n# Settings of this throwaway server.\n")
	for _, name := range names {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	f, err := os.OpenFile(filepath.Join(s.dataDir(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("opening postgresql.conf: %w", err)
	}
	_, err = f.WriteString(conf.String())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing postgresql.conf: %w", err)
	}
	return nil
}

// socketDir returns the server's directory, or "" (no socket) if its path is too
// long.
func (s *Server) socketDir() string {
	if len(s.dir) > maxSocketPath || !unixSockets {
		return ""
	}
	return s.dir
}

// startOnFreePort starts the server for the first time. It tries several ports,
// since another process may take one before the server does.
func (s *Server) startOnFreePort(ctx context.Context, password string) error {
	var err error
	for range 20 {
		if s.port, err = freePort(); err != nil {
			return fmt.Errorf("finding a free port: %w", err)
		}
		s.dsn = (&url.URL{
			Scheme:   "postgres",
			User:     url.UserPassword(superuser, password),
			Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
			Path:     "/postgres",
			RawQuery: "sslmode=disable",
		}).String()
		if err = s.launchAndWait(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// startAgain starts the server on its former port. It retries while an outgoing
// connection of another process uses the port.
func (s *Server) startAgain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.launchAndWait(ctx)
		if !errors.Is(err, errPortTaken) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// launchAndWait starts the server and waits until it accepts connections. Its error
// holds the server's log.
func (s *Server) launchAndWait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	logSize := fileSize(filepath.Join(s.dir, logName))
	pm, err := launch(ctx, s)
	if err != nil {
		return s.explain(err, logSize)
	}
	s.postmaster = pm
	s.watchdog.watch(pm.pid)

	for !s.ready(pm.pid) {
		select {
		case <-pm.done:
			s.postmaster = nil
			s.watchdog.watch(0)
			return s.explain(errors.New("the server exited at once"), logSize)
		case <-ctx.Done():
			err := s.explain(ctx.Err(), logSize)
			return errors.Join(err, s.halt(context.WithoutCancel(ctx), immediate))
		case <-time.After(pollEvery):
		}
	}
	if err := ping(ctx, s.dsn); err != nil {
		return errors.Join(fmt.Errorf("connecting to the new PostgreSQL: %w", err),
			s.halt(context.WithoutCancel(ctx), immediate))
	}
	return nil
}

// ready reports whether the server is ready. Like pg_ctl, it reads postmaster.pid:
// the process ID on the first line, the state on the eighth.
func (s *Server) ready(pid int) bool {
	raw, err := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(raw), "\n")
	return len(lines) >= 8 &&
		strings.TrimSpace(lines[0]) == strconv.Itoa(pid) &&
		strings.TrimSpace(lines[7]) == "ready"
}

// explain adds what the server has logged beyond logSize bytes to err, and detects
// a port that was taken.
func (s *Server) explain(err error, logSize int64) error {
	name := filepath.Join(s.dir, logName)
	logged := strings.TrimSpace(tail(name, min(fileSize(name)-logSize, 4<<10)))
	if strings.Contains(logged, "could not bind") || strings.Contains(logged, "could not create any TCP/IP sockets") {
		err = errPortTaken
	}
	return fmt.Errorf("starting PostgreSQL on port %d: %w; its log: %s", s.port, err, logged)
}

// halt stops the server if it runs and waits for its end.
func (s *Server) halt(ctx context.Context, mode stopMode) error {
	pm := s.postmaster
	if pm == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	select {
	case <-pm.done: // already ended
	default:
		if err := pm.stop(mode); err != nil {
			return fmt.Errorf("stopping PostgreSQL: %w", err)
		}
	}
	select {
	case <-pm.done:
		s.postmaster = nil
		s.watchdog.watch(0)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for PostgreSQL to stop: %w", ctx.Err())
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func fileSize(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail returns the last n bytes of a file, or "" if it cannot be read.
func tail(name string, n int64) string {
	f, err := os.Open(name)
	if err != nil || n <= 0 {
		return ""
	}
	defer f.Close()
	buf := make([]byte, n)
	got, _ := f.ReadAt(buf, max(0, fileSize(name)-n))
	return string(buf[:got])
}
