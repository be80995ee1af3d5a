package postgrescopy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// The rule: a healthy row is never rejected, a bad row never stops the stream, and
// what an operator must fix is logged and waited for.

var writeModes = []string{"append", "ignore", "upsert"}

func TestABatchThatAPolicyRefusesStopsNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range writeModes {
		for _, lacking := range []string{"nothing", "temporary tables"} {
			t.Run(mode+"/"+lacking, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, `CREATE TABLE s (id int PRIMARY KEY, tenant text); ALTER TABLE s ENABLE ROW LEVEL SECURITY`)
				dsn, role := db.asRole()
				db.exec(`GRANT SELECT, INSERT, UPDATE ON s TO ` + role + `; CREATE POLICY p ON s TO ` + role + ` USING (true) WITH CHECK (tenant = 'us')`)
				if lacking != "nothing" {
					db.exec("REVOKE TEMP ON DATABASE " + role + " FROM public")
				}
				o := newTestOutput(t, dsn, "table: s\nmax_in_flight: 1\nwrite_mode: "+mode)
				o.connect()
				for id, tenant := range []string{"us", "them", "us", "us"} {
					rejected := o.write(fields{"id": id, "tenant": tenant})
					assert.Len(t, rejected, map[string]int{"them": 1}[tenant])
				}
				assert.Len(t, o.write(fields{"id": 8, "tenant": "them"}, fields{"id": 9, "tenant": "them"}), 2)
				assert.Equal(t, []string{"0", "2", "3"}, db.rows("SELECT id FROM s ORDER BY id"))
			})
		}
	}
}

// noCreateTable is an event trigger by which CREATE TABLE fails for a role.
const noCreateTable = `CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
	BEGIN IF current_user = current_database() THEN RAISE 'no tables are made here'; END IF; END $$;
	CREATE EVENT TRIGGER no_ddl ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') EXECUTE FUNCTION no_ddl()`

//promise:never-stops
func TestWithoutCreateTableABadRowCostsOneRow(t *testing.T) {
	t.Parallel()
	for _, mode := range writeModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
				CREATE TABLE c (id int PRIMARY KEY, parent int REFERENCES parents, v text)`, noCreateTable)
			dsn, role := db.asRole()
			db.exec(`GRANT SELECT, INSERT, UPDATE ON c TO ` + role)
			o := newTestOutput(t, dsn, "table: c\nwrite_mode: "+mode)
			o.connect()
			for batch := range 2 {
				var rows []fields
				for i := range 10 {
					rows = append(rows, fields{"id": batch*10 + i, "parent": 1, "v": "x"})
				}
				rows[4]["parent"] = 99
				rejected := o.write(rows...)
				assert.Len(t, rejected, 1)
				assert.Contains(t, rejected[4], `Key (parent)=(99) is not present in table "parents" (SQLSTATE 23503)`)
			}
			assert.Equal(t, "18", db.value("SELECT count(*) FROM c"))
			if mode != "append" {
				assert.Empty(t, o.write(fields{"id": 1, "parent": 1, "v": "y"}, fields{"id": 50, "parent": 1, "v": "y"}))
				want := map[string]string{"ignore": "x", "upsert": "y"}[mode]
				assert.Equal(t, []string{"1|" + want, "50|y"}, db.rows("SELECT id, v FROM c WHERE id IN (1, 50) ORDER BY 1"))
			}
		})
	}
}

//promise:never-stops
func TestIsolationKeepsWithinAStatementTimeout(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, mode := range []string{"append", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
				CREATE TABLE c (id int PRIMARY KEY, parent int REFERENCES parents);
				CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0005); RETURN NEW; END';
				CREATE TRIGGER slow BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION slow()`)
			dsn, role := db.asRole()
			db.exec(`GRANT SELECT, INSERT, UPDATE ON c TO ` + role + `; ALTER ROLE ` + role + ` SET statement_timeout = '1s'`)
			o := newTestOutput(t, dsn, "table: c\nwrite_mode: "+mode)
			o.connect()
			rows := make([]fields, 450)
			for i := range rows {
				rows[i] = fields{"id": i, "parent": 1}
				if i%10 == 5 {
					rows[i]["parent"] = 99
				}
			}
			assert.Len(t, o.write(rows...), 45)
			assert.Equal(t, "405", db.value("SELECT count(*) FROM c"))
		})
	}
}

//promise:healthy-stays
func TestConstraintsThatHoldAtCommitRejectNoHealthyRow(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		schema, yaml string
		before, rows []fields
		bad          map[int]string
		want         string
	}{
		"a deferrable unique that an upsert swaps": {
			schema: `CREATE TABLE d (id int PRIMARY KEY, place int UNIQUE DEFERRABLE INITIALLY DEFERRED, v int CHECK (v > 0))`,
			yaml:   "write_mode: upsert",
			before: []fields{{"id": 1, "place": 1, "v": 1}, {"id": 2, "place": 2, "v": 1}, {"id": 3, "place": 3, "v": 1}},
			rows:   []fields{{"id": 1, "place": 2, "v": 2}, {"id": 4, "place": 4, "v": -1}, {"id": 2, "place": 1, "v": 2}, {"id": 5, "place": 3, "v": 2}},
			bad:    map[int]string{1: "d_v_check", 3: "d_place_key"},
			want:   "1:2,2:1,3:3",
		},
		"a deferrable unique that is checked at once": {
			schema: `CREATE TABLE d (id int PRIMARY KEY, place int UNIQUE DEFERRABLE, v int CHECK (v > 0))`,
			yaml:   "write_mode: upsert",
			before: []fields{{"id": 1, "place": 1, "v": 1}, {"id": 2, "place": 2, "v": 1}},
			rows:   []fields{{"id": 1, "place": 2, "v": 2}, {"id": 4, "place": 4, "v": -1}, {"id": 2, "place": 1, "v": 2}},
			bad:    map[int]string{1: "d_v_check"},
			want:   "1:2,2:1",
		},
		"a constraint trigger over several rows": {
			schema: `CREATE TABLE d (id int PRIMARY KEY, place int, v int CHECK (v <> 0));
				CREATE FUNCTION balanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF (SELECT sum(v) FROM d WHERE place = NEW.place) <> 0 THEN RAISE 'entry % is not balanced', NEW.place; END IF; RETURN NULL; END $$;
				CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION balanced()`,
			rows: []fields{
				{"id": 1, "place": 10, "v": 5}, {"id": 2, "place": 10, "v": -5}, {"id": 3, "place": 20, "v": 0}, {"id": 4, "place": 30, "v": 7},
				{"id": 5, "place": 40, "v": 3}, {"id": 6, "place": 40, "v": -1}, {"id": 7, "place": 40, "v": -2},
			},
			bad:  map[int]string{2: "d_v_check", 3: "entry 30 is not balanced"},
			want: "1:10,2:10,5:40,6:40,7:40",
		},
	}
	for name, c := range cases {
		for _, lacking := range []string{"nothing", "PL/pgSQL's help"} {
			t.Run(name+"/"+lacking, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, c.schema)
				dsn, role := db.asRole()
				db.exec(`GRANT SELECT, INSERT, UPDATE ON d TO ` + role)
				if lacking != "nothing" {
					db.exec("REVOKE TEMP ON DATABASE " + role + " FROM public")
				}
				o := newTestOutput(t, dsn, "table: d\n"+c.yaml)
				o.connect()
				if c.before != nil {
					assert.Empty(t, o.write(c.before...))
				}
				rejected := o.write(c.rows...)
				assert.Len(t, rejected, len(c.bad))
				for i, reason := range c.bad {
					assert.Contains(t, rejected[i], reason)
				}
				assert.Equal(t, c.want, db.value("SELECT string_agg(id || ':' || place, ',' ORDER BY id) FROM d"))
			})
		}
	}
}

//promise:healthy-stays
func TestWhatTheServerIsOutOfCostsNoRow(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	cases := map[string]struct{ schema, says, fix string }{
		"a sequence at its end": {
			`CREATE SEQUENCE ids START 2 MAXVALUE 2; CREATE TABLE t (id int DEFAULT nextval('ids'), v int CHECK (v > 0))`,
			"2200H", `ALTER SEQUENCE ids NO MAXVALUE`,
		},
		"a sequence beyond its column's type": {
			`CREATE SEQUENCE ids START 2147483647; CREATE TABLE t (id int DEFAULT nextval('ids'), v int CHECK (v > 0))`,
			"22003", `ALTER SEQUENCE ids RESTART 5`,
		},
	}
	for name, c := range cases {
		for _, rows := range [][]fields{{{"v": 1}, {"v": 0}, {"v": 2}, {"v": 3}}, {{"v": 1}, {"v": 2}}} {
			t.Run(fmt.Sprintf("%s/%d rows", name, len(rows)), func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, c.schema)
				o := db.connected("table: t\ncolumns: [ v ]")
				done := make(chan map[int]string)
				go func() { done <- o.write(rows...) }()
				require.Eventually(t, func() bool {
					return strings.Contains(o.log.String(), "PostgreSQL refuses a batch") && strings.Contains(o.log.String(), "SQLSTATE "+c.says)
				}, patient, 5*time.Millisecond)
				db.exec(c.fix)
				assert.Len(t, <-done, len(rows)-strings.Count(fmt.Sprint(rows), "v:1")-strings.Count(fmt.Sprint(rows), "v:2")-strings.Count(fmt.Sprint(rows), "v:3"))
			})
		}
	}
}

func TestATableOf1600ColumnsIsWritten(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, mode := range writeModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			var columns []string
			for i := range 1599 {
				columns = append(columns, fmt.Sprintf("c%d bool", i))
			}
			db := newTestDB(t, `CREATE TABLE w (id int PRIMARY KEY CHECK (id >= 0), `+strings.Join(columns, ", ")+`)`)
			o := db.connected("table: w\nwrite_mode: " + mode)
			row := func(id int, v bool) fields {
				f := fields{"id": id}
				for i := range 1599 {
					f[fmt.Sprintf("c%d", i)] = v
				}
				return f
			}
			assert.Empty(t, o.write(row(1, false)))
			if mode == "append" {
				assert.Len(t, o.write(row(2, true), row(1, true), row(-1, true)), 2)
				return
			}
			rejected := o.write(row(2, true), row(1, true), row(-1, true), row(3, true))
			assert.Len(t, rejected, 1)
			assert.Contains(t, rejected[2], "w_id_check")
			want := map[string]string{"ignore": "f", "upsert": "t"}[mode]
			assert.Equal(t, []string{"1|" + want, "2|t", "3|t"}, db.rows("SELECT id, c1598 FROM w ORDER BY id"))
		})
	}
}

func TestARowWithoutAPartitionIsWaitedFor(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, rows := range []int{1, 3} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE p (id int, day date) PARTITION BY RANGE (day);
				CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')`)
			o := db.connected("table: p")
			batch := []fields{{"id": 1, "day": "2026-01-02"}, {"id": 2, "day": "2026-01-01"}, {"id": nil, "day": "2026-01-01"}}[:rows]
			done := make(chan map[int]string)
			go func() { done <- o.write(batch...) }()
			require.Eventually(t, func() bool {
				return strings.Contains(o.log.String(), `no partition of relation \"p\" found for row: Partition key of the failing row contains (day) = (2026-01-02)`)
			}, patient, 5*time.Millisecond)
			db.exec("CREATE TABLE rest PARTITION OF p DEFAULT")
			assert.Empty(t, <-done)
			assert.Equal(t, fmt.Sprint(rows), db.value("SELECT count(*) FROM p"))
		})
	}
}

func TestAnOverlongKeyCostsOneRow(t *testing.T) {
	t.Parallel()
	for _, mode := range writeModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE k (id int PRIMARY KEY, v text UNIQUE)`)
			o := db.connected("table: k\nwrite_mode: " + mode)
			long := randomText(9000)
			assert.Len(t, o.write(fields{"id": 1, "v": long}), 1, "a batch of its own")
			assert.Len(t, o.write(fields{"id": 2, "v": "a"}, fields{"id": 3, "v": long}, fields{"id": 4, "v": "b"}), 1)
			assert.Equal(t, []string{"2", "4"}, db.rows("SELECT id FROM k ORDER BY id"))
		})
	}
}

//promise:operator
func TestWaitingForALockIsLoggedWithWhoBlocks(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	db := newTestDB(t, `CREATE TABLE l (id int)`)
	o := db.connected("table: l")
	unlock := db.inOtherSession("SET application_name = 'the blocker'; LOCK TABLE l")
	done := make(chan map[int]string)
	go func() { done <- o.write(fields{"id": 1}) }()
	require.Eventually(t, func() bool {
		return strings.Contains(o.log.String(), "waits for a lock") && strings.Contains(o.log.String(), "the blocker")
	}, patient, 20*time.Millisecond)
	assert.Equal(t, 1, o.status.AwaitingLock())
	unlock()
	assert.Empty(t, <-done)
	assert.Zero(t, o.status.AwaitingLock())
}

func TestPrivilegesOnColumnsAreCheckedWhenConnecting(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ grant, yaml, message string }{
		"a column that is written": {
			"GRANT SELECT ON t TO %[1]s; GRANT INSERT (id) ON t TO %[1]s", "table: t\ncolumns: [ id, v ]",
			`may not insert into column "v" of "public"."t"`,
		},
		"a column that is replaced": {
			"GRANT SELECT, INSERT ON t TO %[1]s; GRANT UPDATE (id) ON t TO %[1]s", "table: t\ncolumns: [ id, v ]\nwrite_mode: upsert",
			`may not update column "v" of "public"."t"`,
		},
		"the key": {
			"GRANT SELECT (v) ON t TO %[1]s; GRANT INSERT ON t TO %[1]s", "table: t\nwrite_mode: ignore",
			`may not select column "id" of "public"."t"`,
		},
		"a sequence": {
			"GRANT INSERT ON t TO %[1]s", "table: t\ncolumns: [ id, v ]",
			`may not use the sequence "public"."numbers", which column "n" of "public"."t" takes its default from: run GRANT USAGE ON SEQUENCE "public"."numbers" TO `,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE SEQUENCE numbers; CREATE TABLE t (id int PRIMARY KEY, v int, n int DEFAULT nextval('numbers'))`)
			dsn, role := db.asRole()
			db.exec(fmt.Sprintf(c.grant, role))
			if name != "a sequence" {
				db.exec("GRANT USAGE ON SEQUENCE numbers TO " + role + "; ALTER TABLE t DROP n")
			}
			err := newTestOutput(t, dsn, c.yaml).Connect(context.Background())
			assert.ErrorContains(t, err, c.message)
		})
	}
}

//promise:newest-wins
func TestTheNewerStateOfAKeyStays(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, yaml := range []string{"", "sequence_by: version"} {
		t.Run(yaml, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE s (id int PRIMARY KEY, state text, version int)`)
			conf := "table: s\nwrite_mode: upsert\n" + yaml
			parsed, err := spec().ParseYAML(fmt.Sprintf("dsn: %q\n%s", db.dsn, conf), nil)
			require.NoError(t, err)
			c, err := configFromParsed(parsed)
			require.NoError(t, err)
			o := db.connected(conf)
			batches := make(chan service.MessageBatch)
			done := make(chan error, c.maxInFlight)
			for range c.maxInFlight { // as the engine does
				go func() {
					for batch := range batches {
						if _, err := o.send(context.Background(), batch); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for n := range 300 {
				for version, state := range []string{"old", "new"} {
					rows := make([]fields, 100)
					for i := range rows {
						rows[i] = fields{"id": n*100 + i, "state": state, "version": version}
					}
					batches <- batchOf(rows...)
				}
			}
			close(batches)
			for range c.maxInFlight {
				require.NoError(t, <-done)
			}
			assert.Equal(t, "30000|0", db.value("SELECT count(*), count(*) FILTER (WHERE state = 'old') FROM s"))
		})
	}
}

//promise:newest-wins
func TestAnOlderStateThatComesLateIsLeftOut(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE s (id int PRIMARY KEY, state text, at timestamptz)`)
	o := db.connected("table: s\nwrite_mode: upsert\nsequence_by: at")
	assert.Empty(t, o.write(
		fields{"id": 1, "state": "second", "at": "2026-01-02T00:00:00Z"}, fields{"id": 1, "state": "first", "at": "2026-01-01T00:00:00Z"},
		fields{"id": 2, "state": "only", "at": "2026-01-01T00:00:00Z"}))
	assert.Equal(t, []string{"1|second", "2|only"}, db.rows("SELECT id, state FROM s ORDER BY id"))
	assert.Empty(t, o.write(
		fields{"id": 1, "state": "late", "at": "2026-01-01T12:00:00Z"}, fields{"id": 2, "state": "newer", "at": "2026-01-01T12:00:00Z"}))
	assert.Equal(t, []string{"1|second", "2|newer"}, db.rows("SELECT id, state FROM s ORDER BY id"))
	rejected := o.write(fields{"id": 1, "state": "timeless"})
	assert.Contains(t, rejected[0], "sequence_by")
}
