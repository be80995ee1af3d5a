package postgrescopy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// raisingTrigger is a trigger of table t whose function refuses a row with v = 13.
func raisingTrigger(when string) string {
	return `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 13 THEN RAISE 'no thirteens'; END IF; RETURN NEW; END $$;
		CREATE ` + when + ` FOR EACH ROW EXECUTE FUNCTION f()`
}

// A batch has a row that something refuses which belongs to the table.
//
//promise:never-stops
//promise:healthy-stays
func TestWhateverRefusesARowCostsThatRow(t *testing.T) {
	t.Parallel()
	const table = `CREATE TABLE t (id int PRIMARY KEY, v int); `
	cases := map[string]struct {
		schema string
		bad    any // value of v that is refused
		reason string
	}{
		"a domain":                        {`CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE TABLE t (id int PRIMARY KEY, v small)`, 13, "value for domain small violates check constraint"},
		"a domain of a domain":            {`CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE DOMAIN tiny AS small NOT NULL; CREATE TABLE t (id int PRIMARY KEY, v tiny)`, nil, "domain tiny does not allow null values"},
		"an exclusion constraint":         {table + `ALTER TABLE t ADD EXCLUDE USING btree (v WITH =) WHERE (v = 13); INSERT INTO t VALUES (-1, 13)`, 13, "conflicting key value violates exclusion constraint"},
		"a deferred exclusion":            {table + `ALTER TABLE t ADD EXCLUDE USING btree (v WITH =) WHERE (v = 13) DEFERRABLE INITIALLY DEFERRED; INSERT INTO t VALUES (-1, 13)`, 13, "conflicting key value violates exclusion constraint"},
		"a generated column":              {`CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (100 / (v - 13)) STORED)`, 13, "division by zero"},
		"a generated column beyond range": {`CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 1000000) STORED, n serial)`, 1 << 20, "integer out of range"},
		"an index's expression":           {table + `CREATE INDEX ON t ((100 / (v - 13)))`, 13, "division by zero"},
		"a check that is not valid":       {table + `INSERT INTO t VALUES (-1, 13); ALTER TABLE t ADD CHECK (v <> 13) NOT VALID`, 13, "violates check constraint"},
		"a partition's check":             {`CREATE TABLE t (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE p PARTITION OF t DEFAULT; ALTER TABLE p ADD CHECK (v <> 13)`, 13, "violates check constraint"},
		"a trigger before":                {table + raisingTrigger(`TRIGGER f BEFORE INSERT OR UPDATE ON t`), 13, "no thirteens"},
		"a trigger after":                 {table + raisingTrigger(`TRIGGER f AFTER INSERT OR UPDATE ON t`), 13, "no thirteens"},
		"a deferred trigger":              {table + raisingTrigger(`CONSTRAINT TRIGGER f AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED`), 13, "no thirteens"},
		"an audit table":                  {table + `CREATE TABLE audit (v int PRIMARY KEY CHECK (v <> 13)); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (NEW.v) ON CONFLICT DO NOTHING; RETURN NEW; END $$; CREATE TRIGGER f AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()`, 13, "audit_v_check"},
		"another table's key":             {table + `CREATE TABLE audit (v int PRIMARY KEY); INSERT INTO audit VALUES (13); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 13 THEN INSERT INTO audit VALUES (NEW.v); END IF; RETURN NEW; END $$; CREATE TRIGGER f AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()`, 13, "audit_pkey"},
	}
	modes := writeModes
	if testing.Short() {
		modes = []string{"upsert"}
	}
	for name, c := range cases {
		for _, mode := range modes {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, c.schema, `CREATE TABLE refused (id uuid PRIMARY KEY, row_number int8, reason text)`)
				yaml := "table: t\nrejects: { table: refused }\nwrite_mode: " + mode
				if db.hasMultiranges() {
					yaml += csvOnceYAML
				}
				o := db.connected(yaml)
				healthy := 0
				for n := range 3 {
					rows := make([]fields, 6)
					for i := range rows {
						rows[i] = fields{"id": 10*n + i, "v": i}
					}
					rows[3]["v"] = c.bad
					if n == 2 { // beside a row whose key is there
						rows[5]["id"] = 0
						if mode == "append" {
							rows = rows[:5]
						}
					}
					batch := batchOf(rows...)
					for i, m := range batch {
						m.MetaSetMut("csv_channel", "c")
						m.MetaSetMut("channel", "c")
						m.MetaSetMut("csv_row", int64(10*n+i))
						if i != 3 && (n == 0 || rows[i]["id"] != 0) {
							healthy++
						}
					}
					assert.Empty(t, o.writeBatch(batch))
				}
				assert.Equal(t, fmt.Sprint(healthy), db.value("SELECT count(*) FROM t WHERE id >= 0"))
				assert.Equal(t, []string{"3", "13", "23"}, db.rows("SELECT row_number FROM refused ORDER BY 1"))
				assert.Equal(t, "3", db.value(fmt.Sprintf("SELECT count(*) FROM refused WHERE reason LIKE '%%%s%%'", c.reason)), db.rows("SELECT reason FROM refused"))
				if mode == "upsert" {
					assert.Equal(t, "5", db.value("SELECT v FROM t WHERE id = 0"))
				}
			})
		}
	}
}

//promise:operator
//promise:healthy-stays
func TestWhatIsNoRowsFaultIsWaitedFor(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	const table = `CREATE TABLE t (id int PRIMARY KEY, v int)`
	for name, c := range map[string]struct{ schema, yaml, spoil, says, fix string }{
		"a partition that is detached": {
			table + ` PARTITION BY RANGE (id); CREATE TABLE p PARTITION OF t FOR VALUES FROM (0) TO (100)`, "",
			"ALTER TABLE t DETACH PARTITION p", `no partition of relation \"t\" found for row`, "ALTER TABLE t ATTACH PARTITION p FOR VALUES FROM (0) TO (100)",
		},
		"a lock": {
			table, "\nsession: { lock_timeout: 100ms }", "BEGIN; LOCK TABLE t", "canceling statement due to lock timeout (SQLSTATE 55P03)", "COMMIT",
		},
		"a trigger of every statement": {
			table + `; CREATE TABLE closed (); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF EXISTS (SELECT FROM closed) THEN RAISE 'closed at night'; END IF; RETURN NULL; END $$; CREATE TRIGGER f BEFORE INSERT ON t EXECUTE FUNCTION f()`, "",
			"INSERT INTO closed DEFAULT VALUES", `an INSERT into \"public\".\"t\" fails even without a row: closed at night`, "TRUNCATE closed",
		},
	} {
		for _, mode := range writeModes {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, c.schema, `CREATE TABLE refused (id uuid PRIMARY KEY, reason text)`)
				o := db.connected("table: t\nrejects: { table: refused }\nwrite_mode: " + mode + c.yaml)
				assert.Empty(t, o.write(fields{"id": 1, "v": 1}))
				db.exec(c.spoil)
				done := make(chan error, 1)
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), patient)
					defer cancel()
					_, err := o.send(ctx, batchOf(fields{"id": 2}, fields{"id": 3}))
					done <- err
				}()
				require.Eventually(t, func() bool { return strings.Contains(o.log.String(), c.says) }, patient, 5*time.Millisecond)
				db.exec(c.fix)
				require.NoError(t, <-done)
				assert.Equal(t, "3|0", db.value("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM refused)"))
			})
		}
	}
}
