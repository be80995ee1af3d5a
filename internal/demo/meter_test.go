package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres"
	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

// testStore returns a store on a database for this test.
func testStore(t *testing.T) *store {
	t.Helper()
	dsn := postgrestest.NewDatabase(t)
	server, err := postgres.Start(t.Context(), postgres.Options{DSN: dsn})
	require.NoError(t, err)
	s := &store{dsn: dsn, server: server}
	require.NoError(t, s.applySchema(t.Context()))
	require.NoError(t, s.applySchema(t.Context()), "the schema can be applied again")
	require.NoError(t, s.connect(t.Context()))
	t.Cleanup(s.pool.Close)
	return s
}

// dropFile writes a file of n events as csv_files does, and returns the statement
// that stores them.
func dropFile(t *testing.T, dir string, n int) (insert string) {
	t.Helper()
	var content strings.Builder
	var values []string
	content.WriteString("event_id,user_id,session_id,event_type,product_id,product_name,category,price,quantity,timestamp\n")
	for i := range n {
		id := uuid.Must(uuid.NewV7())
		fmt.Fprintf(&content, "%s,%d,,View,7,\"Chair, blue\",Home,%d.5,2,2026-01-02 03:04:05\n", id, 100+i, i)
		values = append(values, fmt.Sprintf("('%s',%d,'view',%d.5,2,now())", id, 100+i, i))
	}
	name := filepath.Join(dir, uuid.NewString())
	require.NoError(t, os.WriteFile(name+".tmp", []byte(content.String()), 0o600))
	require.NoError(t, os.Rename(name+".tmp", name+".csv"))
	return `INSERT INTO user_events (event_id, user_id, event_type, price, quantity, "timestamp") VALUES ` + strings.Join(values, ",")
}

func TestTheMeterCountsCommittedEvents(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store, dir := testStore(t), t.TempDir()
	early := dropFile(t, dir, 3) // before the meter starts
	meter, err := startMeter(dir, store)
	require.NoError(t, err)
	t.Cleanup(meter.close)
	late := dropFile(t, dir, 2)
	require.Eventually(t, func() bool { return meter.totals().Events == 5 }, 10*time.Second, time.Millisecond)
	require.False(t, meter.settled())

	tx, err := store.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, early)
	require.NoError(t, err)
	require.Never(t, func() bool { return meter.stored() > 0 }, 50*time.Millisecond, 5*time.Millisecond, "not committed yet")
	require.NoError(t, tx.Commit(ctx))
	require.Eventually(t, func() bool { return meter.stored() == 3 }, 10*time.Second, time.Millisecond)

	require.Equal(t, 1, len(meter.missing(ctx)))
	require.Contains(t, meter.missing(ctx)[0], "2 of the 2 events of "+dir)

	_, err = store.pool.Exec(ctx, late)
	require.NoError(t, err)
	require.Eventually(t, meter.settled, 10*time.Second, time.Millisecond)

	whole := meter.whole(time.Second)
	require.Equal(t, int64(5), whole.Generated)
	require.Equal(t, int64(5), whole.Stored)
	require.Equal(t, int64(2), whole.Files)
	require.GreaterOrEqual(t, whole.Latency.quantile(1), 50*time.Millisecond)
	require.Equal(t, int64(5), meter.lastSecond().Latency.count)
	require.Zero(t, meter.lastSecond().Latency.count, "the next second starts anew")
	require.Empty(t, meter.failed())

	problems, err := store.check(ctx, meter.totals(), 5)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestAFileIsStoredOnceAllEventsAre(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store, dir := testStore(t), t.TempDir()
	meter, err := startMeter(dir, store)
	require.NoError(t, err)
	t.Cleanup(meter.close)
	insert := dropFile(t, dir, 2)

	_, err = store.pool.Exec(ctx, insert)
	require.NoError(t, err)
	require.Eventually(t, meter.settled, 10*time.Second, time.Millisecond)
	insert = dropFile(t, dir, 2)
	_, err = store.pool.Exec(ctx, insert[:strings.Index(insert, "VALUES")]+"VALUES"+insert[strings.LastIndex(insert, ",(")+1:])
	require.NoError(t, err)
	meter.sweep()
	require.Never(t, meter.settled, 50*time.Millisecond, 5*time.Millisecond)
	require.Contains(t, strings.Join(meter.missing(ctx), "\n"), "1 of the 2 events")
}

func TestAFileThatCannotBeReadIsAProblem(t *testing.T) {
	t.Parallel()
	store, dir := testStore(t), t.TempDir()
	meter, err := startMeter(dir, store)
	require.NoError(t, err)
	t.Cleanup(meter.close)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.csv"), []byte("a,b\n1,2\n"), 0o600))
	meter.sweep()
	require.Len(t, meter.failed(), 1)
}

func TestEveryDifferenceFromTheTableIsReported(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := testStore(t)
	_, err := store.pool.Exec(ctx, `
		INSERT INTO user_events (event_id, user_id, event_type, price, quantity, "timestamp") VALUES
			(gen_random_uuid(), 1, 'view', 1.25, NULL, now()),
			(gen_random_uuid(), 2, 'View', NULL, 3, now());
		INSERT INTO rejected_events (id, stage, reason) VALUES (gen_random_uuid(), 'mapping', 'price "abc" is not a number')`)
	require.NoError(t, err)

	files := totals{Events: 3, Types: map[string]int64{"view": 3}, Cents: 225, Quantity: 4, Users: 6}
	problems, err := store.check(ctx, files, 4)
	require.NoError(t, err)
	require.Equal(t, []string{
		"the generator wrote 4 events, but its files hold 3",
		"events: 3 in the files, 2 stored",
		"distinct events: 3 in the files, 2 stored",
		`events of type "View": 0 in the files, 1 stored`,
		`events of type "view": 3 in the files, 1 stored`,
		"sum of the prices, in cents: 225 in the files, 125 stored",
		"sum of the quantities: 4 in the files, 3 stored",
		"sum of the user IDs: 6 in the files, 3 stored",
		"1 events were rejected",
	}, problems)
}

func TestTheMeterSurvivesARestartOfTheDatabase(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := postgrestest.NewServer(t, nil)
	dsn, err := server.CreateDatabaseNamed(ctx, "shop")
	require.NoError(t, err)
	store := &store{dsn: dsn, server: server}
	require.NoError(t, store.applySchema(ctx), "with the role, on a server of ours")
	require.NoError(t, store.connect(ctx))
	t.Cleanup(store.pool.Close)
	dir := t.TempDir()
	meter, err := startMeter(dir, store)
	require.NoError(t, err)
	t.Cleanup(meter.close)

	insert := dropFile(t, dir, 1)
	require.Eventually(t, func() bool { return !meter.settled() }, 10*time.Second, time.Millisecond)
	require.NoError(t, server.StopNow(ctx))
	require.NoError(t, server.Restart(ctx))
	require.Eventually(t, func() bool {
		_, err := store.pool.Exec(context.Background(), insert+" ON CONFLICT DO NOTHING")
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, meter.settled, 10*time.Second, time.Millisecond)
}
