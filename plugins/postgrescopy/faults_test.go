package postgrescopy

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
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

func TestATerminatedBackendIsALostConnection(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for mode, yaml := range modesThatRepeat {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, wideTable)
			o := db.connected("table: v\napplication_name: victim\n" + yaml)
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			const kills = 6
			killed := make(chan error, 1)
			killer := openTestDB(t, db.dsn)
			go func() {
				for n := 0; n < kills && ctx.Err() == nil; {
					rows, err := (&conn.Session{Conn: killer.conn.PgConn()}).QueryText(ctx, "SELECT pg_terminate_backend(pid) FROM pg_sleep(0.001), pg_stat_activity WHERE application_name = 'victim' AND state = 'active' AND query LIKE '%COPY%'")
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
	skipIfShort(t)
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

func TestAnUnreachableServerIsLoggedOnce(t *testing.T) {
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
		t.Fatal("logged again at once: ", err)
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

func TestTemporaryErrorsAreRetriedAndRejectNothing(t *testing.T) {
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
	p, dsn := newProxy(t, db.dsn)
	o := newTestOutput(t, dsn, "table: v\nsession: { idle_in_transaction_session_timeout: 50ms }")
	o.connect()
	p.arm(untilTimeout)
	assert.Empty(t, o.write(append(wide(0, 50), fields{"v": 60})...)) // two COPYs, with the server idle in between
	assert.Equal(t, 1, p.cuts())
	assert.Contains(t, o.log.String(), "idle-in-transaction timeout (SQLSTATE 25P03)")
	assert.Equal(t, "51", db.value("SELECT count(*) FROM v"))
}

func TestASerializationFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, wideTable, `INSERT INTO v VALUES (5, 'first')`)
	o := db.connected("table: v\nwrite_mode: upsert\napplication_name: serial\nsession: { transaction_isolation: repeatable read }")
	assert.Empty(t, o.write(wide(5, 6)...)) // from now on by INSERT … ON CONFLICT
	commit := db.inOtherSession("UPDATE v SET pad = 'second' WHERE v = 5")
	done := make(chan map[int]string)
	go func() { done <- o.write(wide(0, 10)...) }()
	require.Eventually(t, func() bool {
		return db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'serial' AND wait_event_type = 'Lock' AND query LIKE '%INSERT%'") == "1"
	}, patient, 5*time.Millisecond)
	commit()
	assert.Empty(t, <-done)
	assert.Contains(t, o.log.String(), "could not serialize access due to concurrent update (SQLSTATE 40001)")
	assert.Equal(t, "10|1", db.value("SELECT count(*), count(DISTINCT pad) FROM v"))
}

func TestAFailoverIsFollowed(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	type node struct {
		*testDB
		host string
	}
	nodes := make([]node, 2)
	for i := range nodes {
		server := postgrestest.NewServer(t, map[string]string{"shared_buffers": "16MB", "max_connections": "10"})
		u, err := url.Parse(server.DSN())
		require.NoError(t, err)
		nodes[i] = node{openTestDB(t, server.DSN(), wideTable, `CREATE ROLE writer LOGIN PASSWORD 'same'; GRANT INSERT ON v TO writer; SET default_transaction_read_only = off`), u.Host}
	}
	readOnly := func(n node, on string) {
		n.exec("ALTER SYSTEM SET default_transaction_read_only = " + on)
		n.exec("SELECT pg_reload_conf()")
		require.Eventually(t, func() bool { // as a new session of the writer's would see it
			conn, err := pgx.Connect(context.Background(), "postgres://writer:same@"+n.host+"/postgres?sslmode=disable")
			if err != nil {
				return false
			}
			defer conn.Close(context.Background())
			var now string
			return conn.QueryRow(context.Background(), "SHOW default_transaction_read_only").Scan(&now) == nil && now == on
		}, patient, 10*time.Millisecond)
	}
	readOnly(nodes[1], "on")
	o := newTestOutput(t, "postgres://writer:same@"+nodes[0].host+","+nodes[1].host+"/postgres?sslmode=disable&target_session_attrs=read-write", "table: v")
	o.connect()
	assert.Empty(t, o.write(wide(0, 10)...))

	readOnly(nodes[0], "on") // the old primary takes no more rows
	readOnly(nodes[1], "off")
	assert.Empty(t, o.write(wide(10, 30)...))
	assert.Equal(t, "0|9", nodes[0].value("SELECT min(v), max(v) FROM v"))
	assert.Equal(t, "10|29", nodes[1].value("SELECT min(v), max(v) FROM v"))
}

func TestAFailedBatchLeavesItsConnectionAsItWas(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"append", "ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, faultyTable, `CREATE TABLE parents (id int PRIMARY KEY); ALTER TABLE t ADD CHECK (n > 0), ADD FOREIGN KEY (parent) REFERENCES parents`)
			o := db.connected("table: t\nmax_in_flight: 1\napplication_name: same\nwrite_mode: " + mode)
			const backend = "SELECT pid, state, xact_start IS NULL FROM pg_stat_activity WHERE application_name = 'same' AND datname = current_database()"
			assert.Empty(t, o.write(fields{"id": 0, "n": 1}))
			var before string
			require.Eventually(t, func() bool { // the output pings over it as well
				before = db.value(backend)
				return strings.Contains(before, "|idle|t")
			}, patient, time.Millisecond)
			for i, spoil := range []fields{{"n": 0}, {"n": nil}, {"n": "x"}, {"parent": 9}, {"parent": 9, "u": 1}, {"no": 1}} {
				for _, bad := range []int{1, 10} {
					var rows []fields
					for n := range 2 * bad {
						row := fields{"id": 1000*i + 100*bad + n + 1, "n": 1}
						if n%2 == 1 {
							for name, v := range spoil {
								row[name] = v
							}
						}
						rows = append(rows, row)
					}
					require.Len(t, o.write(rows...), bad)
					const locks = "SELECT count(*) FROM pg_locks WHERE pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'same' AND datname = current_database())"
					require.Eventually(t, func() bool { return db.value(backend) == before && db.value(locks) == "0" }, patient, time.Millisecond)
				}
			}
			assert.Equal(t, "67", db.value("SELECT count(*) FROM t"))
		})
	}
}
