package rig

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/config"
	"github.com/ecommerce-ingest/connect/internal/postgres"
	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/sql"
)

// Site is one installation of the bundle: a database, a folder of events, a
// folder of positions, and a copy of the shipped config and schema that a test
// may edit.
type Site struct {
	T  testing.TB
	DB *Database

	DSN       string
	EventsDir string
	StateDir  string
	ConfigDir string
	sql       string
	Prepare   func(*exec.Cmd) // changes the command of each program; may be nil

	programs []*Program
}

// NewSite returns a site with a database of its own on the shared server.
func NewSite(t testing.TB) *Site {
	t.Helper()
	return newSiteAt(t, postgrestest.NewDatabase(t))
}

// newSiteAt returns a site with an existing database.
func newSiteAt(t testing.TB, dsn string) *Site {
	t.Helper()
	root := t.TempDir()
	s := &Site{
		T:         t,
		DSN:       dsn,
		EventsDir: filepath.Join(root, "events"),
		StateDir:  filepath.Join(root, "state"),
		ConfigDir: filepath.Join(root, "config"),
		sql:       filepath.Join(root, "sql"),
	}
	require.NoError(t, os.Mkdir(s.EventsDir, 0o755))
	require.NoError(t, os.CopyFS(s.ConfigDir, config.Files))
	require.NoError(t, os.CopyFS(s.sql, sql.Files))
	s.DB = OpenDatabase(s, dsn)
	return s
}

// Pipeline starts config/pipeline.yaml. Each of env is NAME=value and takes
// precedence.
func (s *Site) Pipeline(env ...string) *Program {
	s.T.Helper()
	return s.PipelineWith(nil, env...)
}

// PipelineWith starts the pipeline with further arguments, such as --set.
func (s *Site) PipelineWith(args []string, env ...string) *Program {
	s.T.Helper()
	args = append(append([]string{"run"}, args...), filepath.Join(s.ConfigDir, "pipeline.yaml"))
	return s.Launch("pipeline", args, env)
}

// Generator starts config/generator.yaml. Each of env is NAME=value.
func (s *Site) Generator(env ...string) *Program {
	s.T.Helper()
	return s.Launch("generator", []string{"run", filepath.Join(s.ConfigDir, "generator.yaml")}, env)
}

// Launch starts the program with arguments, in an environment that points it to this
// site. Each of env is NAME=value and takes precedence. The name is for messages.
func (s *Site) Launch(name string, args, env []string) *Program {
	s.T.Helper()
	address, live := freeAddress(s.T), freeAddress(s.T)
	p := launch(s.T, name, func(cmd *exec.Cmd) {
		cmd.Dir = s.T.TempDir() // files of default settings are written here
		// Not the environment of the tests, which may have a POSTGRES_DSN or a
		// PGPASSWORD.
		cmd.Env = append([]string{
			"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "SystemRoot=" + os.Getenv("SystemRoot"),
			"POSTGRES_DSN=" + s.DSN,
			"EVENTS_DIR=" + s.EventsDir,
			"STATE_DIR=" + s.StateDir,
			"CONFIG_DIR=" + s.ConfigDir,
			"SQL_DIR=" + s.sql,
			"HTTP_ADDRESS=" + address,
			"LIVE_ADDRESS=" + live,
			"GENERATOR_HTTP_ADDRESS=" + address,
		}, env...)
		if s.Prepare != nil {
			s.Prepare(cmd)
		}
	}, args...)
	p.Address, p.LiveURL = address, "http://"+live
	s.programs = append(s.programs, p)
	return p
}

// DropFile puts a file into the events folder atomically.
func (s *Site) DropFile(name, content string) {
	s.T.Helper()
	path := filepath.Join(s.EventsDir, name)
	require.NoError(s.T, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.T, os.WriteFile(path+".tmp", []byte(content), 0o644))
	require.NoError(s.T, os.Rename(path+".tmp", path))
}

// Append appends to a file in the events folder, and creates it if necessary.
func (s *Site) Append(name, content string) {
	s.T.Helper()
	f, err := os.OpenFile(filepath.Join(s.EventsDir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(s.T, err)
	_, err = f.WriteString(content)
	require.NoError(s.T, err)
	require.NoError(s.T, f.Close())
}

// EditConfig replaces the only occurrence of a text in a file of the site's config.
func (s *Site) EditConfig(name, from, to string) {
	s.T.Helper()
	path := filepath.Join(s.ConfigDir, name)
	text, err := os.ReadFile(path)
	require.NoError(s.T, err)
	require.Equal(s.T, 1, bytes.Count(text, []byte(from)), "%q in %s", from, name)
	require.NoError(s.T, os.WriteFile(path, bytes.Replace(text, []byte(from), []byte(to), 1), 0o644))
}

// given holds the ports that freeAddress has returned.
var given sync.Map

// freeAddress returns a loopback address with an unused port. The system does not
// assign it to others: it assigns higher ports.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(22_000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, l.Close())
			return l.Addr().String()
		}
	}
	require.FailNow(t, "no port is free")
	return ""
}

// Gzip returns the content compressed.
func Gzip(t testing.TB, content string) string {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.String()
}

// Schema returns the text of one of the site's SQL files.
func (s *Site) Schema(name string) string {
	s.T.Helper()
	text, err := os.ReadFile(filepath.Join(s.sql, name))
	require.NoError(s.T, err)
	return string(text)
}

// KeylessPipeline starts config/keyless.yaml.
func (s *Site) KeylessPipeline(env ...string) *Program {
	s.T.Helper()
	return s.Launch("pipeline", []string{"run", filepath.Join(s.ConfigDir, "keyless.yaml")}, env)
}

// NewSiteWithServer returns a site with a server of its own, which the test may stop.
func NewSiteWithServer(t testing.TB) (*Site, *postgres.Server) {
	t.Helper()
	// Without fsync, a crash of the server loses nothing; only a crash of the machine
	// would.
	server := postgrestest.NewServer(t, map[string]string{"fsync": "off"})
	dsn, _, err := server.CreateDatabase(t.Context())
	require.NoError(t, err)
	return newSiteAt(t, dsn), server
}
