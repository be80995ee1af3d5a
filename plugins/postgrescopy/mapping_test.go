package postgrescopy

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAMappingChangesColumnsAndLeavesTheMessages(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE u (id int, kind text, doc jsonb, source text)`)
	o := db.connected(`
table: u
mapping: |
  root.kind = this.kind.lowercase()
  root.doc.seen = true
  root.source = @path
  root.other = deleted()
`)
	batch := batchOf(
		fields{"id": 1, "kind": "View", "other": "x", "doc": fields{"list": []any{1, 2}}},
		fields{"id": 2, "kind": "CART", "doc": fields{}},
	)
	batch[0].MetaSetMut("path", "a.csv")
	for range 2 { // a batch may be written again
		require.Empty(t, o.writeBatch(batch))
	}
	assert.Equal(t, []string{
		`1|view|{"list": [1, 2], "seen": true}|a.csv`, `1|view|{"list": [1, 2], "seen": true}|a.csv`,
		`2|cart|{"seen": true}|`, `2|cart|{"seen": true}|`,
	}, db.rows("SELECT * FROM u ORDER BY id"))
	document, err := batch[0].AsStructured()
	require.NoError(t, err)
	assert.Equal(t, fields{"id": 1, "kind": "View", "other": "x", "doc": fields{"list": []any{1, 2}}}, document)
}

func TestAMappingRejectsAndFiltersSingleRows(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE u (v int CHECK (v <> 6))`)
	o := db.connected(`
table: u
mapping: |
  root = if this.v == 2 { deleted() }
  root = if this.v == 3 { throw("three is a crowd") }
`)
	batch := batchOf(fields{"v": 1}, fields{"v": 2}, fields{"v": 3}, fields{"v": 4}, fields{"v": 5}, fields{"v": 6})
	batch[4].SetError(errors.New("it is no record"))
	rejected := o.writeBatch(batch)

	require.Len(t, rejected, 3)
	assert.Contains(t, rejected[2], "three is a crowd")
	assert.Equal(t, "it is no record", rejected[4])
	assert.Contains(t, rejected[5], "u_v_check")
	assert.Equal(t, []string{"1", "4"}, db.rows("SELECT v FROM u ORDER BY v"))
}

func TestAMappingMayParseContentThatIsNoObject(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE u (a text, b text)`)
	o := db.connected(`
table: u
mapping: |
  root = if content().string().contains(";") { {"a": content().string().split(";").index(0), "b": "from text"} } else { {"a": this.index(0), "b": "from an array"} }
`)
	batch := batchOf(fields{}, fields{})
	batch[0].SetBytes([]byte("x;y"))
	batch[1].SetStructured([]any{"z"})
	require.Empty(t, o.writeBatch(batch))
	assert.Equal(t, []string{"x|from text", "z|from an array"}, db.rows("SELECT * FROM u ORDER BY a"))
}

// A filtered row leaves no gap among the offsets.
//
//promise:gaps-are-cheap
func TestFilteredRowsAreDoneInTheLedger(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE u (v int)`)
	o := db.connected("table: u\nmapping: 'root = if this.v % 3 != 0 { deleted() }'" + onceYAML)
	require.Empty(t, o.writeBatch(numbered("a", 0, values(0, 100)...)))
	require.Empty(t, o.writeBatch(numbered("a", 100, fields{"v": 1}, fields{"v": 2})), "a batch of which nothing is left")
	require.Empty(t, o.writeBatch(numbered("a", 50, values(50, 100)...)), "a replay")
	assert.Equal(t, "34", db.value("SELECT count(*) FROM u"))
	assert.Equal(t, "{[0,102)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
}
