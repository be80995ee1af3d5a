package postgrescopy

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A domain in an array is checked when the server reads the bytes, so that such
// rows cannot be staged to be isolated there; and a row without its parent is
// tried again. Neither may cost the other's rows.
func TestOrphansAreFoundBesideRowsWithRefusedBytes(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE DOMAIN pos AS int CHECK (VALUE > 0)`,
		`CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1)`,
		`CREATE TABLE v (id int, parent int REFERENCES parents, v pos[], note text)`)
	o := db.connected("table: v" + onceYAML)

	before := o.writeBatch(numbered("a", 0, fields{"id": 0, "parent": 99}, fields{"id": 1, "parent": 1}))
	assert.Len(t, before, 1, "this isolates on the server, and leaves its tables behind")

	rejected := o.writeBatch(numbered("a", 10,
		fields{"id": 10, "parent": 99, "v": []any{1}},
		fields{"id": 11, "parent": 1, "v": []any{-1}},
		fields{"id": 12, "parent": 1, "v": []any{1}},
		fields{"id": 13, "parent": 1, "note": "another set of fields"},
		fields{"id": 14, "parent": 98, "note": "another set of fields"},
	))
	assert.Len(t, rejected, 3)
	assert.Contains(t, rejected[0], `"v_parent_fkey"`)
	assert.Contains(t, rejected[1], "pos")
	assert.Contains(t, rejected[4], `"v_parent_fkey"`)
	assert.Equal(t, []string{"1", "12", "13"}, db.rows("SELECT id FROM v ORDER BY 1"))
	assert.Equal(t, "{[1,2),[12,14)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
}

func TestReferencedRowsOfOneKeyKeepTheirOrder(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{"ignore": "first", "upsert": "last"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE t (id int PRIMARY KEY, parent int REFERENCES t, v text)`)
			o := db.connected("table: t\nwrite_mode: " + mode)
			rejected := o.write(
				fields{"id": 1, "parent": 2, "v": "refers to the next"},
				fields{"id": 2, "parent": 3, "v": "first"}, fields{"id": 2, "parent": 3, "v": "last"},
				fields{"id": 3, "parent": nil, "v": "refers to none"},
				fields{"id": 0, "parent": 99, "v": "refers to what is not there"},
			)
			assert.Len(t, rejected, 1)
			assert.Contains(t, rejected[4], "(99)")
			assert.Equal(t, []string{"1|refers to the next", "2|" + want, "3|refers to none"}, db.rows("SELECT id, v FROM t ORDER BY 1"))
		})
	}
}

func TestRowsMayReferToOneAnotherInCircles(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE SEQUENCE attempts; CREATE TABLE t (a int2, b text, up_a int8, up_b text, v int CHECK (v > 0),
		attempt int8 DEFAULT nextval('attempts'), PRIMARY KEY (a, b), FOREIGN KEY (up_a, up_b) REFERENCES t)`)
	o := db.connected("table: t\ncolumns: [ a, b, up_a, up_b, v ]")
	const rows = 300
	var chain []fields
	for _, a := range rand.Perm(rows) {
		row := fields{"a": a, "b": "x", "up_a": a + 1, "up_b": "x", "v": 1}
		if a == rows-1 {
			row["up_b"] = nil // refers to none
		}
		chain = append(chain, row)
	}
	rejected := o.write(append(chain, fields{"a": -5, "b": "x", "up_a": 0, "up_b": "y", "v": 1})...)
	assert.Len(t, rejected, 1)
	assert.Contains(t, rejected[rows], "(0, y)")
	assert.Less(t, attempts(t, db), 5*rows)

	rejected = o.write(
		fields{"a": 1000, "b": "circle", "up_a": 1001, "up_b": "circle", "v": 1},
		fields{"a": 1001, "b": "circle", "up_a": 1000, "up_b": "circle", "v": 1},
		fields{"a": 1002, "b": "itself", "up_a": 1002, "up_b": "itself", "v": 1},
		fields{"a": 1003, "b": "of another kind", "up_a": nil, "up_b": nil, "v": -1},
	)
	assert.Len(t, rejected, 1)
	assert.Contains(t, rejected[3], "t_v_check")
	assert.Equal(t, "303", db.value("SELECT count(*) FROM t"))
}
