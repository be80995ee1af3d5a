package postgrescopy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestAReadOnlyServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	dsn, role := db.asRole()
	db.exec("GRANT INSERT ON v TO " + role + "; ALTER ROLE " + role + " SET default_transaction_read_only = on")
	o := newTestOutput(t, dsn, "table: v")
	o.connect()
	done := make(chan map[int]string)
	go func() { done <- o.write(wide(0, 10)...) }()
	require.Eventually(t, func() bool { return strings.Contains(o.log.String(), "SQLSTATE 25006") }, patient, 5*time.Millisecond)
	db.exec("ALTER ROLE " + role + " SET default_transaction_read_only = off; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_database()")
	assert.Empty(t, <-done)
	assert.Equal(t, "10", db.value("SELECT count(*) FROM v"))
}

func TestAChangedPasswordIsToldAndWaitedFor(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	dsn, role := db.asRole()
	db.exec("GRANT INSERT ON v TO " + role)
	o := newTestOutput(t, dsn, "table: v")
	o.connect()
	db.exec("ALTER ROLE " + role + " PASSWORD 'other'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_database()")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()

	require.Eventually(t, func() bool {
		return db.value("SELECT count(*) FROM pg_stat_activity WHERE usename = current_database()") == "0"
	}, patient, 5*time.Millisecond)
	batch := batchOf(wide(0, 10)...)
	require.ErrorIs(t, o.WriteBatch(ctx, batch), service.ErrNotConnected)
	err := o.Connect(ctx)
	var pause *service.ErrBackOff
	require.ErrorAs(t, err, &pause)
	assert.Contains(t, err.Error(), "28P01")
	assert.NotContains(t, err.Error(), "test")
	assert.Equal(t, time.Second, pause.Wait)
	db.exec("ALTER ROLE " + role + " PASSWORD 'test'")
	require.NoError(t, o.Connect(ctx))
	require.NoError(t, o.WriteBatch(ctx, batch))
	assert.Equal(t, "10", db.value("SELECT count(*) FROM v"))
}

//promise:operator
func TestARevokedPrivilegeIsLoggedAndWaitedFor(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	dsn, role := db.asRole()
	db.exec("GRANT INSERT ON v TO " + role)
	o := newTestOutput(t, dsn, "table: v")
	o.connect()
	db.exec("REVOKE INSERT ON v FROM " + role)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()

	err := o.WriteBatch(ctx, batchOf(wide(0, 10)...))
	require.ErrorIs(t, err, service.ErrNotConnected)
	assert.Contains(t, o.log.String(), "which write_mode append needs: run GRANT INSERT")
	err = o.Connect(ctx)
	require.Error(t, err)
	assert.Equal(t, fmt.Sprintf(`the role %s may not insert rows of "public"."v", which write_mode append needs: run GRANT INSERT ON "public"."v" TO %s`, role, role), err.Error())
	db.exec("GRANT INSERT ON v TO " + role)
	assert.Empty(t, o.write(wide(0, 10)...))
}

func TestADroppedTableIsLoggedAndWaitedFor(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	o := db.connected("table: v")
	db.exec("DROP TABLE v")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	require.ErrorIs(t, o.WriteBatch(ctx, batchOf(wide(0, 10)...)), service.ErrNotConnected)
	require.EqualError(t, o.Connect(ctx), "there is no table v: create it (init_statement or init_files can), or correct `table`")
	db.exec(wideTable)
	assert.Empty(t, o.write(wide(0, 10)...))
}

func TestAnErrorOfEveryRowIsWaitedFor(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	db := newTestDB(t, `CREATE TABLE w (v int);
		CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v < 0 THEN PERFORM * FROM missing; END IF; RETURN NEW; END $$;
		CREATE TRIGGER f BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION f()`)
	o := db.connected("table: w")

	rejected := o.write(fields{"v": 1}, fields{"v": -1}, fields{"v": 2})
	assert.Len(t, rejected, 1, "the others can be stored, so it is the row")
	assert.Contains(t, rejected[1], `relation "missing" does not exist`)

	done := make(chan map[int]string)
	go func() { done <- o.write(fields{"v": -1}, fields{"v": -2}) }()
	require.Eventually(t, func() bool { return strings.Contains(o.log.String(), `PostgreSQL refuses a batch`) }, patient, 5*time.Millisecond)
	db.exec("CREATE TABLE missing (v int)")
	assert.Empty(t, <-done)
	assert.Equal(t, "4", db.value("SELECT count(*) FROM w"))
}

func TestAFullDiskIsWaitedOut(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE w (v int);
		CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
		CREATE TRIGGER f BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION f()`)
	o := db.connected("table: w")
	done := make(chan map[int]string)
	go func() { done <- o.write(fields{"v": 1}, fields{"v": 2}) }()
	require.Eventually(t, func() bool { return strings.Contains(o.log.String(), `SQLSTATE 53100`) }, patient, 5*time.Millisecond)
	db.exec("DROP TRIGGER f ON w")
	assert.Empty(t, <-done)
}

func TestTooManyConnectionsAreWaitedOut(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	dsn, role := db.asRole()
	db.exec("GRANT INSERT ON v TO " + role + "; ALTER ROLE " + role + " CONNECTION LIMIT 1")
	hog, err := pgx.Connect(context.Background(), dsn)
	require.NoError(t, err)
	o := newTestOutput(t, dsn, "table: v")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	err = o.Connect(ctx)
	require.ErrorContains(t, err, "SQLSTATE 53300")
	var pause *service.ErrBackOff
	require.True(t, errors.As(err, &pause) && pause.Wait <= time.Second)
	require.NoError(t, hog.Close(ctx))
	require.NoError(t, o.Connect(ctx))
	assert.Empty(t, o.write(wide(0, 1)...))
}
