package postgrescopy

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestASilentHostFailsAfterTheConnectTimeout(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	db := newTestDB(t, `CREATE TABLE v (v int)`)
	u, err := url.Parse(db.dsn)
	require.NoError(t, err)
	u.Host = silent.Addr().String() + "," + u.Host
	o := newTestOutput(t, u.String(), "table: v\nconnect_timeout: 3s")
	o.connect()
	assert.Empty(t, o.write(fields{"v": 1}))
}

func TestConnectionsAreClosedWhenTheyAreOldOrIdle(t *testing.T) {
	t.Parallel()
	settings := &newTestOutput(t, "host=db", "table: t\nconn_max_idle_time: 7s\nconn_max_life_time: 8s\nconn_max_open: 9").conf.connection
	config, err := settings.PoolConfig()
	require.NoError(t, err)
	assert.Equal(t, 7*time.Second, config.MaxConnIdleTime)
	assert.Equal(t, 8*time.Second, config.MaxConnLifetime)
	assert.EqualValues(t, 9, config.MaxConns)

	settings = &newTestOutput(t, "host=db", "table: t\nconn_max_idle_time: 0s\nconn_max_life_time: 0s\nmax_in_flight: 6").conf.connection
	config, err = settings.PoolConfig()
	require.NoError(t, err)
	assert.Greater(t, config.MaxConnIdleTime, 100_000*time.Hour)
	assert.Greater(t, config.MaxConnLifetime, 100_000*time.Hour)
	assert.EqualValues(t, 6, config.MaxConns)

	db := newTestDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v\napplication_name: short\nconn_max_life_time: 1ms")
	for range 3 {
		assert.Empty(t, o.write(fields{"v": 1}))
		require.Eventually(t, func() bool {
			return db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'short'") == "0"
		}, patient, 5*time.Millisecond)
	}
	assert.Equal(t, "3", db.value("SELECT count(*) FROM v"))
}

func TestSessionsTellTheirNameAndTakeSettings(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE v (v int, name text DEFAULT current_setting('application_name'), sync text DEFAULT current_setting('synchronous_commit'),
		zone text DEFAULT current_setting('TimeZone'), own text DEFAULT current_setting('shop.tenant', true), timeout text DEFAULT current_setting('statement_timeout'))`)
	for _, mode := range []string{"append", "ignore"} {
		keys := ""
		if mode == "ignore" {
			db.exec("TRUNCATE v; ALTER TABLE v ADD PRIMARY KEY (v)")
			keys = "\nprimary_keys: [ v ]"
		}
		plain := db.connected("table: v\nwrite_mode: " + mode + keys)
		set := db.connected("table: v\nwrite_mode: " + mode + keys + "\napplication_name: loader\nstatement_timeout: 1500ms\nsession: { synchronous_commit: \"off\", shop.tenant: \"o'n\\\\e\", TimeZone: Asia/Tokyo }")
		for i := range 2 {
			assert.Empty(t, plain.write(fields{"v": 1 + i}, fields{"v": 1}, fields{"v": 50}), "")
			assert.Empty(t, set.write(fields{"v": 101 + i}, fields{"v": 101}))
			if mode == "append" {
				break
			}
		}
		assert.Equal(t, "postgres_copy|"+db.value("SHOW synchronous_commit")+"|UTC||0", db.value("SELECT DISTINCT name, sync, zone, own, timeout FROM v WHERE v < 100"))
		assert.Equal(t, `loader|off|Asia/Tokyo|o'n\e|1500ms`, db.value("SELECT DISTINCT name, sync, zone, own, timeout FROM v WHERE v > 100"))
	}
}

func TestProblemsAreReportedWhenConnecting(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (id int, "Name" text, n int GENERATED ALWAYS AS (id + 1) STORED); CREATE TABLE k (id int PRIMARY KEY, a int, b int);
		CREATE UNIQUE INDEX ON k (a) WHERE b > 0; CREATE UNIQUE INDEX ON k (a, b); CREATE UNIQUE INDEX ON k ((a + b)); CREATE SEQUENCE s; CREATE MATERIALIZED VIEW m AS SELECT 1 AS v`)
	cases := map[string]string{
		"table: missing":                 "there is no table missing: create it (init_statement or init_files can), or correct `table`",
		"table: shop.missing":            "there is no table shop.missing: create it (init_statement or init_files can), or correct `table`",
		"table: s":                       "\"public\".\"s\" is not a table that rows can be written to (relkind S): name a table, a partitioned table, a foreign table or an updatable view in `table`",
		"table: m":                       "\"public\".\"m\" is not a table that rows can be written to (relkind m): name a table, a partitioned table, a foreign table or an updatable view in `table`",
		"table: v\ncolumns: [ id, nme ]": "table \"public\".\"v\" has no column \"nme\", which `columns` lists; it has \"id\", \"Name\", \"n\"",
		"table: v\ncolumns: [ id, n ]":   "column \"n\" of \"public\".\"v\" is computed by PostgreSQL and cannot be written: remove it from `columns`",
		"table: v\nwrite_mode: upsert":   "write_mode upsert needs a key, and \"public\".\"v\" has no primary key: name the columns of a unique index in `primary_keys`",
		"table: v\nwrite_mode: ignore\nprimary_keys: [ id, Name ]":                   `write_mode ignore needs a unique index on "public"."v" ("id", "Name"), and there is none: run CREATE UNIQUE INDEX ON "public"."v" ("id", "Name")`,
		"table: v\nwrite_mode: ignore\nprimary_keys: [ key ]":                        "table \"public\".\"v\" has no column \"key\", which `primary_keys` lists; it has \"id\", \"Name\", \"n\"",
		"table: k\nwrite_mode: upsert\nprimary_keys: [ a ]":                          `write_mode upsert needs a unique index on "public"."k" ("a"), and there is none: run CREATE UNIQUE INDEX ON "public"."k" ("a")`,
		"table: k\nwrite_mode: upsert\nprimary_keys: [ b, a ]":                       "",
		"table: v\ninit_statement: CREATE TABLE oops (":                              "running init_statement: syntax error at end of input (SQLSTATE 42601)",
		"table: v\nsession: { lock_timeout: soon }":                                  `applying the session's settings: invalid value for parameter "lock_timeout": "soon" (SQLSTATE 22023)`,
		"table: v\nsession: { no_such_setting: x }":                                  `applying the session's settings: unrecognized configuration parameter "no_such_setting" (SQLSTATE 42704)`,
		"table: v\nexactly_once: { channel: a, offset_token: '${! @x }', table: k }": "table public.k is not a ledger of postgres_copy, which has the columns scope text, channel text, part int8, offsets int8multirange, bits bit(4096), low_watermark int8 and updated_at timestamptz: name another in `exactly_once.table`",
	}
	for yaml, want := range cases {
		t.Run(yaml, func(t *testing.T) {
			t.Parallel()
			o := newTestOutput(t, db.dsn, yaml)
			err := o.Connect(context.Background())
			if want == "" {
				assert.NoError(t, err)
				return
			}
			require.EqualError(t, err, want)
			var pause *service.ErrBackOff
			require.ErrorAs(t, err, &pause)
			assert.Equal(t, time.Second, pause.Wait)
		})
	}
}

func TestInitScriptsRunOncePerConnectInATransaction(t *testing.T) {
	t.Parallel()
	db := newTestDB(t)
	dir := t.TempDir()
	for name, sql := range map[string]string{
		"1.sql": `CREATE TABLE IF NOT EXISTS runs (what text, locked bool DEFAULT false); INSERT INTO runs VALUES ('first')`,
		"2.sql": `INSERT INTO runs SELECT 'second', EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted)`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(sql), 0o600))
	}
	yaml := "table: runs\ninit_files: [ '" + filepath.ToSlash(dir) + "/*.sql' ]\ninit_statement: "
	o := newTestOutput(t, db.dsn, yaml+"INSERT INTO runs VALUES ('third')")
	o.connect()
	for range 3 {
		assert.Empty(t, o.write(fields{"what": "row"}))
	}
	o.connect() // which there is no need for
	assert.Equal(t, "first|second|third|row|row|row", strings.Join(db.rows("SELECT what FROM runs"), "|"))
	assert.Equal(t, "t", db.value("SELECT locked FROM runs WHERE what = 'second'"))

	again := newTestOutput(t, db.dsn, yaml+"INSERT INTO runs VALUES ('third')")
	again.connect()
	assert.Equal(t, "2|2|2", db.value("SELECT count(*) FILTER (WHERE what = 'first'), count(*) FILTER (WHERE what = 'second'), count(*) FILTER (WHERE what = 'third') FROM runs"))

	broken := newTestOutput(t, db.dsn, yaml+"SELECT 1/0")
	err := broken.Connect(t.Context())
	require.EqualError(t, err, "running init_statement: division by zero (SQLSTATE 22012)")
	var pause *service.ErrBackOff
	require.ErrorAs(t, err, &pause)
	assert.Equal(t, time.Second, pause.Wait, "a person must fix it")
	assert.Equal(t, "9", db.value("SELECT count(*) FROM runs"))
}

func TestPrivilegesThatAreMissingAreNamed(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (id int PRIMARY KEY, w int)`)
	dsn, role := db.asRole()
	db.exec("REVOKE ALL ON SCHEMA public FROM public; GRANT USAGE ON SCHEMA public TO " + role)
	connect := func(yaml string) string {
		if err := newTestOutput(t, dsn, yaml).Connect(context.Background()); err != nil {
			return err.Error()
		}
		return ""
	}
	needs := func(mode, what, privilege string) string {
		return fmt.Sprintf(`the role %s may not %s rows of "public"."v", which write_mode %s needs: run GRANT %s ON "public"."v" TO %s`, role, what, mode, privilege, role)
	}
	assert.Equal(t, needs("append", "insert", "INSERT"), connect("table: v"))
	db.exec("GRANT INSERT ON v TO " + role)
	assert.Empty(t, connect("table: v"))
	assert.Equal(t, needs("ignore", "select", "SELECT"), connect("table: v\nwrite_mode: ignore"))
	db.exec("GRANT SELECT (id) ON v TO " + role)
	assert.Empty(t, connect("table: v\nwrite_mode: ignore"))
	assert.Equal(t, needs("upsert", "update", "UPDATE"), connect("table: v\nwrite_mode: upsert"))
	db.exec("GRANT UPDATE ON v TO " + role)
	assert.Empty(t, connect("table: v\nwrite_mode: upsert"))
	assert.Contains(t, connect("table: v"+onceYAML), "making the ledger: permission denied for schema public (SQLSTATE 42501)")
	db.exec("REVOKE TEMP ON DATABASE " + role + " FROM public")
	assert.Empty(t, connect("table: v\nwrite_mode: upsert"), "it works without temporary tables")
}

func TestTheConnectionTestTouchesNothing(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	ctx := context.Background()
	o := newTestOutput(t, db.dsn, "table: v\ninit_statement: CREATE TABLE made (v int)"+onceYAML)
	for _, result := range o.ConnectionTest(ctx) {
		assert.NoError(t, result.Err)
	}
	assert.Equal(t, "0", db.value("SELECT count(*) FROM pg_class WHERE relname IN ('made', 'postgres_copy_ledger')"))
	for _, result := range newTestOutput(t, db.dsn, "table: w").ConnectionTest(ctx) {
		assert.EqualError(t, result.Err, "there is no table w: create it (init_statement or init_files can), or correct `table`")
	}
}

func TestClosingIsPossibleAtAnyTime(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE v (v int)`)
	ctx := context.Background()
	never := newTestOutput(t, db.dsn, "table: v")
	require.NoError(t, never.Close(ctx))
	require.ErrorIs(t, never.WriteBatch(ctx, batchOf(fields{"v": 1})), service.ErrNotConnected)

	o := db.connected("table: v\napplication_name: closing")
	unlock := db.inOtherSession("LOCK TABLE v")
	stuck, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- o.WriteBatch(stuck, batchOf(fields{"v": 1})) }()
	require.Eventually(t, func() bool {
		return db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing' AND wait_event_type = 'Lock'") == "1"
	}, patient, 5e6)
	hurry, cancelHurry := context.WithCancel(ctx)
	cancelHurry()
	assert.ErrorIs(t, o.Close(hurry), context.Canceled)
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	unlock()
	assert.Equal(t, "0", db.value("SELECT count(*) FROM v"))
}

func TestABatchWhoseContextEndsRejectsNothing(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v")
	unlock := db.inOtherSession("LOCK TABLE v")
	defer unlock()
	expired, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := o.WriteBatch(expired, batchOf(fields{"v": 1}))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, service.ErrNotConnected, "any other error would be a rejection to a fallback")
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v\nmax_in_flight: 8\nconn_max_open: 3\nconn_max_idle: 1\napplication_name: bounded")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	unlock := db.inOtherSession("LOCK TABLE v")
	errs := make(chan error, 8)
	for i := range 8 {
		go func() {
			_, err := o.send(ctx, batchOf(fields{"v": i}))
			errs <- err
		}()
	}
	const count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bounded'"
	require.Eventually(t, func() bool { // a connection that was closed before may take a moment to end
		return db.value(count+" AND wait_event_type = 'Lock'") == "3" && db.value(count) == "3"
	}, patient, 5*time.Millisecond)
	unlock()
	for range 8 {
		require.NoError(t, <-errs)
	}
	require.Eventually(t, func() bool { return db.value(count) == "1" }, patient, 5*time.Millisecond)
	assert.Equal(t, "8", db.value("SELECT count(*) FROM v"))
}
