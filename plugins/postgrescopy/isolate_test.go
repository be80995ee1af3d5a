package postgrescopy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faultKind is a way for a row to be bad.
type faultKind struct {
	name   string
	schema string
	spoil  func(fields)
	reason string
}

var faultKinds = []faultKind{
	{
		name:   "by type",
		spoil:  func(f fields) { f["n"] = "many" },
		reason: `column "n" integer: cannot take "many"`,
	}, {
		name:   "by check constraint",
		schema: `ALTER TABLE t ADD CHECK (n >= 0)`,
		spoil:  func(f fields) { f["n"] = -1 },
		reason: `new row for relation "t" violates check constraint "t_n_check" (SQLSTATE 23514)`,
	}, {
		name:   "by foreign key",
		schema: `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents SELECT generate_series(0, 9); ALTER TABLE t ADD FOREIGN KEY (parent) REFERENCES parents`,
		spoil:  func(f fields) { f["parent"] = 99 },
		reason: `Key (parent)=(99) is not present in table "parents" (SQLSTATE 23503)`,
	}, {
		name:   "by deferred foreign key",
		schema: `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents SELECT generate_series(0, 9); ALTER TABLE t ADD FOREIGN KEY (parent) REFERENCES parents DEFERRABLE INITIALLY DEFERRED`,
		spoil:  func(f fields) { f["parent"] = 99 },
		reason: `Key (parent)=(99) is not present in table "parents" (SQLSTATE 23503)`,
	}, {
		name:   "by unique key",
		schema: `CREATE UNIQUE INDEX ON t (u); INSERT INTO t (id, n, u) VALUES (-1, 0, -1)`,
		spoil:  func(f fields) { f["u"] = -1 },
		reason: `duplicate key value violates unique constraint "t_u_idx": Key (u)=(-1) already exists (SQLSTATE 23505)`,
	}, {
		name:   "by NULL",
		spoil:  func(f fields) { f["n"] = nil },
		reason: `null value in column "n" of relation "t" violates not-null constraint (SQLSTATE 23502)`,
	}, {
		name: "by trigger",
		schema: `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.n = 13 THEN RAISE EXCEPTION 'no thirteens'; END IF; RETURN NEW; END $$;
			CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()`,
		spoil:  func(f fields) { f["n"] = 13 },
		reason: `no thirteens (SQLSTATE P0001)`,
	}, {
		name:   "by exclusion constraint",
		schema: `ALTER TABLE t ADD EXCLUDE USING btree (u WITH =); INSERT INTO t (id, n, u) VALUES (-1, 0, -1)`,
		spoil:  func(f fields) { f["u"] = -1 },
		reason: `conflicting key value violates exclusion constraint "t_u_excl"`,
	},
}

const faultyTable = `CREATE TABLE t (id int8 PRIMARY KEY, n int NOT NULL, parent int, u int8)`

// spoiled are rows of which the given share, spread evenly, is bad.
func spoiled(rows, bad int, spoil func(fields)) (batch []fields, wrong map[int]bool) {
	wrong = map[int]bool{}
	for i := range rows {
		row := fields{"id": i, "n": i % 7, "parent": i % 10, "u": i}
		if bad > 0 && i%(rows/bad) == rows/bad/2 {
			spoil(row)
			wrong[i] = true
		}
		batch = append(batch, row)
	}
	return batch, wrong
}

//promise:one-row
func TestGoodRowsAreCommittedAndBadRowsRejected(t *testing.T) {
	t.Parallel()
	for _, kind := range faultKinds {
		for _, bad := range []int{1, 100, 5000} {
			for _, mode := range []string{"append", "upsert"} {
				if bad == 100 && mode == "upsert" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%d of 10000/%s", kind.name, bad, mode), func(t *testing.T) {
					t.Parallel()
					db := newTestDB(t, faultyTable, kind.schema)
					o := db.connected("table: t\nwrite_mode: " + mode)
					batch, wrong := spoiled(10000, bad, kind.spoil)

					rejected := o.write(batch...)

					require.Len(t, rejected, len(wrong))
					for i, reason := range rejected {
						require.True(t, wrong[i], "row %d: %s", i, reason)
						require.Contains(t, reason, kind.reason)
					}
					assert.Equal(t, strconv.Itoa(10000-bad), db.value("SELECT count(*) FROM t WHERE id >= 0"))
					good := []string{}
					for i := range batch {
						if !wrong[i] {
							good = append(good, strconv.Itoa(i))
						}
					}
					assert.Equal(t, strings.Join(good, ","), db.value("SELECT string_agg(id::text, ',' ORDER BY id) FROM t WHERE id >= 0"))
					assert.Empty(t, o.write(fields{"id": 20000, "n": 1, "u": 20000}), "the output is as usable as before")
				})
			}
		}
	}
}

func TestBadRowsAreFoundWithoutTheServersHelp(t *testing.T) {
	t.Parallel()
	for _, lacking := range []string{"PL/pgSQL", "temporary tables"} {
		for _, kind := range faultKinds {
			for _, mode := range []string{"append", "upsert"} {
				if kind.name == "by trigger" || (lacking == "temporary tables" && mode != "append") {
					continue
				}
				t.Run(lacking+"/"+kind.name+"/"+mode, func(t *testing.T) {
					t.Parallel()
					db := newTestDB(t, faultyTable, kind.schema, "ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES t (id)")
					dsn, role := db.asRole()
					db.exec("DROP EXTENSION plpgsql; GRANT ALL ON ALL TABLES IN SCHEMA public TO " + role)
					if lacking == "temporary tables" {
						db.exec("REVOKE TEMP ON DATABASE " + role + " FROM public")
					}
					o := newTestOutput(t, dsn, "table: t\nwrite_mode: "+mode)
					o.connect()
					batch, wrong := spoiled(1000, 100, kind.spoil)
					rejected := o.write(batch...)
					require.Len(t, rejected, len(wrong))
					for i, reason := range rejected {
						require.True(t, wrong[i], "row %d: %s", i, reason)
						require.Contains(t, reason, kind.reason)
					}
					assert.Equal(t, "900", db.value("SELECT count(*) FROM t WHERE id >= 0"))
				})
			}
		}
	}
}

// A domain in an array is checked when the server reads the bytes, before it comes
// to a row.
func TestOnlyTheRowWithRefusedBytesIsRejected(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"append", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, faultyTable, "CREATE DOMAIN pos AS int CHECK (VALUE > 0); ALTER TABLE t ADD v pos[]")
			o := db.connected("table: t\nwrite_mode: " + mode)
			batch, _ := spoiled(500, 0, nil)
			wrong := []int{3, 100, 101, 102, 250, 499}
			for _, i := range wrong {
				batch[i]["v"] = []any{1, -1}
			}
			rejected := o.write(batch...)
			require.Len(t, rejected, len(wrong))
			for _, i := range wrong {
				assert.Contains(t, rejected[i], `value for domain pos violates check constraint "pos_check" (SQLSTATE 23514)`)
			}
			assert.Equal(t, "494", db.value("SELECT count(*) FROM t"))
		})
	}
}
