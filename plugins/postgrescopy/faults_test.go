package postgrescopy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

func wide(from, to int) []fields {
	var rows []fields
	for v := from; v < to; v++ {
		rows = append(rows, fields{"v": v, "pad": strings.Repeat("x", 100)})
	}
	return rows
}

const wideTable = `CREATE TABLE v (v int PRIMARY KEY, pad text)`

// modesThatRepeat are those in which a batch may be sent twice and is stored
// once.
var modesThatRepeat = map[string]string{
	"ignore":       "write_mode: ignore",
	"upsert":       "write_mode: upsert",
	"exactly once": onceYAML,
}

func TestACutLineLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	points := map[string]cutPoint{"before COMMIT": beforeCommit, "after COMMIT": afterCommit, "during COPY": duringCopy}
	for mode, yaml := range modesThatRepeat {
		for point, at := range points {
			t.Run(mode+"/"+point, func(t *testing.T) {
				t.Parallel()
				schema := wideTable
				if mode == "exactly once" {
					schema = `CREATE TABLE v (v int, pad text CHECK (pad <> ''))`
				}
				db := newLedgerDB(t, schema)
				p, dsn := newProxy(t, db.dsn)
				o := newTestOutput(t, dsn, "table: v\n"+yaml)
				o.connect()
				for i := range 3 {
					p.arm(at)
					assert.Empty(t, o.writeBatch(numbered("a", 2000*i, wide(2000*i, 2000*i+2000)...)))
					assert.Equal(t, i+1, p.cuts())
				}
				assert.Equal(t, "6000|6000", db.value("SELECT count(*), count(DISTINCT v) FROM v"))
				assert.Contains(t, o.log.String(), "The connection to PostgreSQL is lost")

				// The same when rows are staged, in several statements, or judged.
				for i, rows := range [][]fields{wide(1000, 3000), {{"v": 1}, {"v": 7000, "pad": "y"}}, {{"v": "x"}, {"v": 7001, "pad": ""}, {"v": 7002}}} {
					p.arm(at)
					o.writeBatch(numbered("b", 10*i, rows[:min(len(rows), 10)]...))
				}
				p.arm(nowhere)
				want := "6002"
				if mode == "exactly once" {
					want = "6013" // which asks for no key
				}
				assert.Equal(t, want, db.value("SELECT count(*) FROM v WHERE pad IS DISTINCT FROM ''"))
			})
		}
	}
}

func TestATerminatedBackendIsALostConnection(t *testing.T) {
	t.Parallel()
	for mode, yaml := range modesThatRepeat {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, wideTable)
			o := db.connected("table: v\napplication_name: victim\n" + yaml)
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			const kills = 15
			killed := make(chan error, 1)
			killer := openTestDB(t, db.dsn)
			go func() {
				for n := 0; n < kills && ctx.Err() == nil; {
					rows, err := queryText(ctx, killer.conn.PgConn(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active' AND query LIKE '%COPY%'")
					if err != nil {
						killed <- err
						return
					}
					n += len(rows)
				}
				killed <- nil
			}()
			batches := 0
			for done := false; !done || batches < 10; batches++ {
				rejected, err := o.send(ctx, numbered("a", 1000*batches, wide(1000*batches, 1000*batches+1000)...))
				require.NoError(t, err)
				require.Empty(t, rejected)
				select {
				case err := <-killed:
					require.NoError(t, err)
					done = true
				default:
				}
			}
			want := fmt.Sprintf("%[1]d|%[1]d", 1000*batches)
			assert.Equal(t, want, db.value("SELECT count(*), count(DISTINCT v) FROM v"))
		})
	}
}

func TestACrashedServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := postgrestest.NewServer(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patient)
	defer cancel()
	dsn, _, err := server.CreateDatabase(ctx)
	require.NoError(t, err)
	db := openTestDB(t, dsn, wideTable, `CREATE TABLE once (v int PRIMARY KEY, pad text)`)
	byKey := db.connected("table: v\nwrite_mode: ignore")
	byLedger := db.connected("table: once\nwrite_mode: ignore")
	if db.hasMultiranges() {
		db.exec("ALTER TABLE once DROP CONSTRAINT once_pkey; ALTER TABLE once ALTER v DROP NOT NULL")
		byLedger = db.connected("table: once" + onceYAML)
	}

	var wg sync.WaitGroup
	const batches, size = 40, 500
	errs := make(chan error, 2*batches)
	for _, o := range []*testOutput{byKey, byLedger} {
		wg.Go(func() {
			for i := range batches {
				rejected, err := o.send(ctx, numbered("a", size*i, wide(size*i, size*i+size)...))
				if err == nil && len(rejected) > 0 {
					err = fmt.Errorf("rejected: %v", rejected)
				}
				errs <- err
			}
		})
	}
	for range 3 {
		for range 2 * batches / 5 {
			require.NoError(t, <-errs)
		}
		require.NoError(t, server.StopNow(ctx))
		require.NoError(t, server.Restart(ctx))
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	db.reconnect()
	assert.Equal(t, "20000|20000", db.value("SELECT count(*), count(DISTINCT v) FROM v"))
	assert.Equal(t, "20000|20000", db.value("SELECT count(*), count(DISTINCT v) FROM once"))
	assert.LessOrEqual(t, strings.Count(byKey.log.String(), "\n"), 12, "%s", byKey.log)
}

func TestAServerThatIsAwayIsToldOfOnceAndTriedQuietly(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	p, dsn := newProxy(t, db.dsn)
	p.arm(everyNewLine)
	o := newTestOutput(t, dsn, "table: v")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()

	err := o.Connect(ctx)
	var pause *service.ErrBackOff
	require.ErrorAs(t, err, &pause)
	assert.LessOrEqual(t, pause.Wait, time.Second)

	connected := make(chan error)
	go func() { connected <- o.Connect(ctx) }() // says nothing while nothing changes
	select {
	case err := <-connected:
		t.Fatal("told again at once: ", err)
	case <-time.After(500 * time.Millisecond):
	}
	p.arm(nowhere)
	require.NoError(t, <-connected)
}

func TestWaitingForAServerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	p, dsn := newProxy(t, db.dsn)
	p.arm(everyNewLine)
	o := newTestOutput(t, dsn, "table: v")
	ctx, cancel := context.WithCancel(context.Background())
	require.Error(t, o.Connect(ctx))
	done := make(chan error)
	go func() { done <- o.Connect(ctx) }()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

// inOtherSession runs statements and leaves their transaction open.
func (db *testDB) inOtherSession(sql string) (end func()) {
	db.tb.Helper()
	other := openTestDB(db.tb, db.dsn)
	other.exec("BEGIN; " + sql)
	return func() { other.exec("COMMIT") }
}

func TestWhatPassesByItselfIsWaitedOutAndRejectsNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		yaml  string
		lock  string
		retry string
	}{
		"a statement timeout": {"statement_timeout: 100ms", "LOCK TABLE v", "canceling statement due to statement timeout (SQLSTATE 57014)"},
		"a lock timeout":      {"session: { lock_timeout: 100ms }", "LOCK TABLE v", "canceling statement due to lock timeout (SQLSTATE 55P03)"},
	}
	for name, c := range cases {
		for _, mode := range []string{"append", "upsert"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, wideTable)
				o := db.connected("table: v\nwrite_mode: " + mode + "\n" + c.yaml)
				unlock := db.inOtherSession(c.lock)
				done := make(chan map[int]string)
				go func() { done <- o.write(wide(0, 10)...) }()
				require.Eventually(t, func() bool { return strings.Contains(o.log.String(), c.retry) }, patient, 5*time.Millisecond)
				unlock()
				assert.Empty(t, <-done)
				assert.Equal(t, "10", db.value("SELECT count(*) FROM v"))
				assert.Equal(t, 1, strings.Count(o.log.String(), "level=WARN"), o.log.String())
			})
		}
	}
}

func TestATransactionCutByATimeoutIsSentAgain(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	o := db.connected("table: v\nwrite_mode: ignore")
	for i := range 5 { // several statements, with the server idle in between
		o.writer.settings = "SET LOCAL idle_in_transaction_session_timeout = '1'; "
		rows := append(wide(100*i, 100*i+50), fields{"v": 100*i + 60})
		assert.Empty(t, o.write(rows...))
	}
	assert.Equal(t, "255", db.value("SELECT count(*) FROM v"))
}

func TestASerializationFailureOrDeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable)
	o := db.connected("table: v\nwrite_mode: upsert\nsession: { default_transaction_isolation: serializable, deadlock_timeout: 10ms }")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if _, err := o.send(ctx, batchOf(wide(0, 100)...)); err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	require.NoError(t, <-errs)
	assert.Equal(t, "100", db.value("SELECT count(*) FROM v"))
}

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

	batch := batchOf(wide(0, 10)...)
	err := o.WriteBatch(ctx, batch)
	if err != nil {
		require.ErrorIs(t, err, service.ErrNotConnected)
		err = o.Connect(ctx)
		var pause *service.ErrBackOff
		require.ErrorAs(t, err, &pause)
		assert.Contains(t, err.Error(), "28P01")
		assert.NotContains(t, err.Error(), "test")
		assert.Equal(t, slowPause, pause.Wait)
		db.exec("ALTER ROLE " + role + " PASSWORD 'test'")
		require.NoError(t, o.Connect(ctx))
		require.NoError(t, o.WriteBatch(ctx, batch))
	}
	assert.Equal(t, "10", db.value("SELECT count(*) FROM v"))
}

func TestARevokedPrivilegeIsToldAndWaitedFor(t *testing.T) {
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

func TestADroppedTableIsToldAndWaitedFor(t *testing.T) {
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

func TestAnErrorThatEveryRowHasIsNotTakenForTheRows(t *testing.T) {
	t.Parallel()
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
	require.True(t, errors.As(err, &pause) && pause.Wait <= longShortPause)
	require.NoError(t, hog.Close(ctx))
	require.NoError(t, o.Connect(ctx))
	assert.Empty(t, o.write(wide(0, 1)...))
}
