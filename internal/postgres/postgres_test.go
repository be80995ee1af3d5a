package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

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
	require.Equal(t, "UTF8", ask(t, dsn, "SHOW server_encoding"))
	ask(t, dsn, "CREATE TABLE t AS SELECT 42 AS n; ")

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

	require.NoError(t, server.Stop(ctx))
	require.NoError(t, server.Stop(ctx))
	require.ErrorContains(t, server.Restart(ctx), "stopped for good")
}

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

func TestADatabaseIsEmptyAndItsOwn(t *testing.T) {
	t.Parallel()
	a, b := postgrestest.NewDatabase(t), postgrestest.NewDatabase(t)
	require.NotEqual(t, a, b)
	ask(t, a, "CREATE TABLE t (n int)")
	require.Equal(t, "0", ask(t, b, "SELECT count(*)::text FROM pg_class WHERE relname = 't'"))
}

var _ = postgres.ErrNotOurs
