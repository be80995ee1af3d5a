package postgrescopy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A domain in an array is checked when the server reads the bytes, so that such
// rows cannot be staged to be judged there; and a row without its parent is
// tried again. Neither may cost the other's rows.
func TestRowsWithoutTheirParentsAreFoundBesideRowsWhoseBytesAreRefused(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE DOMAIN pos AS int CHECK (VALUE > 0)`,
		`CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1)`,
		`CREATE TABLE v (id int, parent int REFERENCES parents, v pos[], note text)`)
	o := db.connected("table: v" + onceYAML)

	before := o.writeBatch(numbered("a", 0, fields{"id": 0, "parent": 99}, fields{"id": 1, "parent": 1}))
	assert.Len(t, before, 1, "this has the server judge, and leaves its tables behind")

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
