package table

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

func TestTablesKeptPreparedAreBounded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	settings := conn.Settings{DSN: postgrestest.NewDatabase(t), MaxOpen: 1}
	pool, err := settings.Open(ctx)
	require.NoError(t, err)
	defer pool.Close()
	require.NoError(t, pool.InTransaction(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DO $$ BEGIN FOR i IN 0..199 LOOP EXECUTE format('CREATE TABLE t%s (v int)', i); END LOOP; END $$`)
		return err
	}))
	cache := NewCache(Options{Mode: Append}, pool)
	for i := range 200 {
		_, err := cache.Get(ctx, fmt.Sprintf("t%d", i))
		require.NoError(t, err)
	}
	assert.Len(t, cache.byName, maxTables)
	first, err := cache.Get(ctx, "t0")
	require.NoError(t, err)
	assert.Equal(t, `"public"."t0"`, first.Quoted)
}
