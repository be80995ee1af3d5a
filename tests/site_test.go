package tests

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
	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/sql"
)

// site is one installation of the bundle: a database, a folder of events, a
// folder of positions, and a copy of the shipped config and schema that a test
// may edit.
type site struct {
	t  testing.TB
	db *database

	dsn     string
	events  string
	state   string
	config  string
	sql     string
	prepare func(*exec.Cmd) // changes the command of each program; may be nil

	programs []*program
}

// newSite returns a site with a database of its own on the shared server.
func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteAt(t, postgrestest.NewDatabase(t))
}

// newSiteAt returns a site with an existing database.
func newSiteAt(t testing.TB, dsn string) *site {
	t.Helper()
	root := t.TempDir()
	s := &site{
		t:      t,
		dsn:    dsn,
		events: filepath.Join(root, "events"),
		state:  filepath.Join(root, "state"),
		config: filepath.Join(root, "config"),
		sql:    filepath.Join(root, "sql"),
	}
	require.NoError(t, os.Mkdir(s.events, 0o755))
	require.NoError(t, os.CopyFS(s.config, config.Files))
	require.NoError(t, os.CopyFS(s.sql, sql.Files))
	s.db = openDatabase(s, dsn)
	return s
}

// pipeline starts config/pipeline.yaml. Each of env is NAME=value and takes
// precedence.
func (s *site) pipeline(env ...string) *program {
	s.t.Helper()
	return s.pipelineWith(nil, env...)
}

// pipelineWith starts the pipeline with further arguments, such as --set.
func (s *site) pipelineWith(args []string, env ...string) *program {
	s.t.Helper()
	args = append(append([]string{"run"}, args...), filepath.Join(s.config, "pipeline.yaml"))
	return s.launch("pipeline", args, env)
}

// generator starts config/generator.yaml. Each of env is NAME=value.
func (s *site) generator(env ...string) *program {
	s.t.Helper()
	return s.launch("generator", []string{"run", filepath.Join(s.config, "generator.yaml")}, env)
}

func (s *site) launch(name string, args, env []string) *program {
	s.t.Helper()
	address, live := freeAddress(s.t), freeAddress(s.t)
	p := launch(s.t, name, func(cmd *exec.Cmd) {
		cmd.Dir = s.t.TempDir() // files of default settings are written here
		// Not the environment of the tests, which may have a POSTGRES_DSN or a
		// PGPASSWORD.
		cmd.Env = append([]string{
			"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "SystemRoot=" + os.Getenv("SystemRoot"),
			"POSTGRES_DSN=" + s.dsn,
			"EVENTS_DIR=" + s.events,
			"STATE_DIR=" + s.state,
			"CONFIG_DIR=" + s.config,
			"SQL_DIR=" + s.sql,
			"HTTP_ADDRESS=" + address,
			"LIVE_ADDRESS=" + live,
			"GENERATOR_HTTP_ADDRESS=" + address,
		}, env...)
		if s.prepare != nil {
			s.prepare(cmd)
		}
	}, args...)
	p.address, p.live = address, "http://"+live
	s.programs = append(s.programs, p)
	return p
}

// dropFile puts a file into the events folder atomically.
func (s *site) dropFile(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.events, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path+".tmp", []byte(content), 0o644))
	require.NoError(s.t, os.Rename(path+".tmp", path))
}

// appendTo appends to a file in the events folder, and creates it if necessary.
func (s *site) appendTo(name, content string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.events, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(s.t, err)
	_, err = f.WriteString(content)
	require.NoError(s.t, err)
	require.NoError(s.t, f.Close())
}

// edit replaces the only occurrence of a text in a file of the site's config.
func (s *site) edit(name, from, to string) {
	s.t.Helper()
	path := filepath.Join(s.config, name)
	text, err := os.ReadFile(path)
	require.NoError(s.t, err)
	require.Equal(s.t, 1, bytes.Count(text, []byte(from)), "%q in %s", from, name)
	require.NoError(s.t, os.WriteFile(path, bytes.Replace(text, []byte(from), []byte(to), 1), 0o644))
}

// given are the ports that freeAddress has returned.
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

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.String()
}

// schema returns the text of one of the site's SQL files.
func (s *site) schema(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.sql, name))
	require.NoError(s.t, err)
	return string(text)
}
