package postgres_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ecommerce-ingest/connect/internal/postgres"
	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

func TestAStoppedServerComesBackWithItsData(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := postgrestest.NewServer(t, map[string]string{"max_connections": "17"})
	dsn, _, err := server.CreateDatabase(ctx)
	require.NoError(t, err)

	require.Equal(t, "17", ask(t, dsn, "SHOW max_connections"))
	require.Equal(t, "on", ask(t, dsn, "SHOW fsync"))
	require.Equal(t, "UTF8", ask(t, dsn, "SHOW server_encoding"))
	require.Equal(t, "C", ask(t, dsn, "SHOW lc_messages"))
	ask(t, dsn, "CREATE TABLE t AS SELECT 42 AS n")

	for range 2 {
		require.NoError(t, server.StopNow(ctx))
		require.NoError(t, server.StopNow(ctx), "a second stop finds nothing to do")
		_, err = pgx.Connect(ctx, dsn)
		require.Error(t, err)
		require.NoError(t, server.Restart(ctx))
		require.Equal(t, "42", ask(t, dsn, "SELECT n::text FROM t"))
	}
	require.NoError(t, server.Restart(ctx), "a running server restarts too")
	require.Equal(t, "42", ask(t, dsn, "SELECT n::text FROM t"))
	require.Contains(t, server.Log(), "database system is ready to accept connections")

	scratch, err := server.Scratch()
	require.NoError(t, err)
	require.DirExists(t, scratch)

	require.NoError(t, server.Stop(ctx))
	require.NoError(t, server.Stop(ctx))
	require.ErrorContains(t, server.Restart(ctx), "stopped for good")
	require.NoDirExists(t, scratch)
}

func TestAThrowawayServerRequiresItsPassword(t *testing.T) {
	t.Parallel()
	server := postgrestest.NewServer(t, nil)
	config, err := pgx.ParseConfig(server.DSN())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", config.Host)
	require.GreaterOrEqual(t, len(config.Password), 20)

	config.Password = "guess"
	_, err = pgx.ConnectConfig(t.Context(), config)
	require.ErrorContains(t, err, "28P01")
}

func TestARefusedSettingIsReportedWithTheLog(t *testing.T) {
	t.Parallel()
	parent := reachableDir(t)
	_, err := postgres.Start(t.Context(), postgres.Options{Dir: parent, Settings: map[string]string{"max_connections": "it's many"}})
	require.ErrorContains(t, err, `invalid value for parameter "max_connections": "it's many"`)
	require.Empty(t, entries(t, parent), "a failed start leaves nothing behind")
}

func TestACancelledStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{1, 100 * time.Millisecond, 500 * time.Millisecond} {
		parent := reachableDir(t)
		ctx, cancel := context.WithTimeout(t.Context(), after)
		server, err := postgres.Start(ctx, postgres.Options{Dir: parent})
		cancel()
		if err == nil { // a fast machine
			require.NoError(t, server.Stop(t.Context()))
		} else {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.Empty(t, entries(t, parent))
	}
}

func TestDatabasesAreCreatedConcurrently(t *testing.T) {
	t.Parallel()
	server := postgrestest.NewServer(t, nil)
	before := ask(t, server.DSN(), "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database")
	group, ctx := errgroup.WithContext(t.Context())
	for range 6 {
		group.Go(func() error {
			dsn, drop, err := server.CreateDatabase(ctx)
			if err != nil {
				return err
			}
			conn, err := pgx.Connect(ctx, dsn)
			if err != nil {
				return err
			}
			defer conn.Close(context.Background())
			if _, err := conn.Exec(ctx, "CREATE TABLE t (n int)"); err != nil {
				return err
			}
			return drop(ctx) // although conn is open
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, before, ask(t, server.DSN(), "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database"))
}

func TestANamedServerIsUsedAndLeftAlone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	theirs := postgrestest.NewServer(t, nil)
	before := ask(t, theirs.DSN(), "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database")

	var log bytes.Buffer
	server, err := postgres.Start(ctx, postgres.Options{DSN: theirs.DSN(), Log: &log})
	require.NoError(t, err)
	require.Equal(t, theirs.DSN(), server.DSN())
	require.True(t, server.Named())
	require.Equal(t, "Using the PostgreSQL of the DSN\n", log.String())
	dsn, drop, err := server.CreateDatabase(ctx)
	require.NoError(t, err)
	require.Equal(t, "1", ask(t, dsn, "SELECT '1'"))

	require.ErrorIs(t, server.StopNow(ctx), postgres.ErrNotOurs)
	require.ErrorIs(t, server.Restart(ctx), postgres.ErrNotOurs)
	require.NoError(t, drop(ctx))
	require.NoError(t, server.Stop(ctx))
	require.Equal(t, before, ask(t, theirs.DSN(), "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database"))
}

func TestAnErrorNamesTheMissingCREATEDB(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	theirs := postgrestest.NewServer(t, nil)
	ask(t, theirs.DSN(), "CREATE ROLE weak LOGIN PASSWORD 'weak'")
	config, err := pgx.ParseConfig(theirs.DSN())
	require.NoError(t, err)
	dsn := strings.Replace(theirs.DSN(), "postgres:"+config.Password+"@", "weak:weak@", 1)

	server, err := postgres.Start(ctx, postgres.Options{DSN: dsn})
	require.NoError(t, err)
	_, _, err = server.CreateDatabase(ctx)
	require.ErrorContains(t, err, "permission denied to create database")
	require.ErrorContains(t, err, "ALTER ROLE … CREATEDB")
}

func TestAnUnreachableNamedServerIsAnError(t *testing.T) {
	t.Parallel()
	_, err := postgres.Start(t.Context(), postgres.Options{DSN: "postgres://u:secret@127.0.0.1:1/x?sslmode=disable"})
	require.ErrorContains(t, err, "connecting to the PostgreSQL of the DSN")
	require.NotContains(t, err.Error(), "secret")

	_, err = postgres.Start(t.Context(), postgres.Options{DSN: "postgres://h/x", Settings: map[string]string{"fsync": "off"}})
	require.EqualError(t, err, "settings have no effect on a server that is already running: remove the DSN or the settings")
}

func TestEachTestHasAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	a, b := postgrestest.NewDatabase(t), postgrestest.NewDatabase(t)
	require.NotEqual(t, a, b)
	ask(t, a, "CREATE TABLE t (n int)")
	require.Equal(t, "0", ask(t, b, "SELECT count(*)::text FROM pg_class WHERE relname = 't'"))
}

// ask runs a statement and returns its only value, if it has one.
func ask(t *testing.T, dsn, sql string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), sql)
	require.NoError(t, err)
	for rows.Next() {
		require.NoError(t, rows.Scan(&answer))
	}
	require.NoError(t, rows.Err())
	return answer
}

// reachableDir returns a directory that an unprivileged server can enter. If the
// tests run as root, it could not enter those of t.TempDir.
func reachableDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return names
}
