package postgrescopy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADryRunRejectsRowsAndStoresNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"append", "ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `
				CREATE TABLE p (id int PRIMARY KEY);
				INSERT INTO p VALUES (1);
				CREATE TABLE c (v int PRIMARY KEY CHECK (v <> 3), p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
				CREATE TABLE r (id uuid PRIMARY KEY, stage text, reason text)`)
			o := db.connected("table: c\ndry_run: true\ninit_statement: DROP TABLE c\nrejects: { table: r }\nwrite_mode: " + mode + onceYAML)
			batch := numbered("a", 0, fields{"v": 1, "p": 1}, fields{"v": 2, "p": 9}, fields{"v": 3}, fields{"v": "x"}, fields{"v": 4})
			for range 2 {
				require.Empty(t, o.writeBatch(batch), "rejects has what is rejected")
			}
			snapshot := o.board.Snapshot(true)
			assert.EqualValues(t, 4, snapshot.Totals.Stored)
			assert.EqualValues(t, 6, snapshot.Totals.Rejected)
			assert.Equal(t, "0", db.value("SELECT (SELECT count(*) FROM c) + (SELECT count(*) FROM r)"))
			assert.Equal(t, "f", db.value("SELECT to_regclass('postgres_copy_ledger') IS NOT NULL"))
		})
	}
}
