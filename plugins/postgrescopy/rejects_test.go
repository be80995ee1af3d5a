package postgrescopy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const rejectsSchema = `CREATE TABLE rejected (id uuid PRIMARY KEY, rejected_at timestamptz, stage text, reason text, path text, row_number bigint, raw text, header text);
	CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v > 0))`

// csvBatch is rows as csv_watch hands them on, numbered from first.
func csvBatch(first int, rows ...fields) service.MessageBatch {
	batch := batchOf(rows...)
	for i, m := range batch {
		m.MetaSetMut("path", "in/a.csv")
		m.MetaSetMut("csv_channel", "channel-a")
		m.MetaSetMut("csv_row", int64(first+i))
		m.MetaSetMut("csv_raw", fmt.Sprintf("raw %d", first+i))
		m.MetaSetMut("header", []any{"id", "v"})
	}
	return batch
}

//promise:reject-in-transaction
func TestRejectedRowsAreStoredWithTheirNeighbours(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"key", "ledger"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, rejectsSchema)
			yaml := "table: t\nrejects: { table: rejected }\nmapping: |\n  root = this\n  root.v = if this.v == \"bad\" { throw(\"bad indeed\") }\n  root = if this.id == 70 { deleted() }\n"
			if mode == "key" {
				yaml += "write_mode: ignore"
			} else {
				yaml += "exactly_once: { channel: '${! @csv_channel }', offset_token: '${! @csv_row }' }"
			}
			batch := func() service.MessageBatch {
				b := csvBatch(1,
					fields{"id": 10, "v": 1},
					fields{"id": 20, "v": "bad"},   // mapping
					fields{"id": 30, "v": "many"},  // does not fit
					fields{"id": 40, "v": -1},      // refused
					fields{},                       // parse
					fields{"id": 60, "unknown": 1}, // no such column
					fields{"id": 70, "v": 1},       // deleted
					fields{"id": 80, "v": 1})
				b[4].MetaSetMut("csv_error", "row 5 has 3 fields")
				b[4].SetError(errors.New("row 5 has 3 fields"))
				return b
			}
			for range 2 { // and again
				o := db.connected(yaml)
				assert.Empty(t, o.writeBatch(batch()))
				assert.Equal(t, []string{"10|1", "80|1"}, db.rows("SELECT id, v FROM t ORDER BY id"))
				assert.Equal(t, []string{
					`2|mapping|bad indeed|in/a.csv|raw 2|["id","v"]`,
					`3|database|column "v" integer: cannot take "many": not an integer|in/a.csv|raw 3|["id","v"]`,
					`4|database|new row for relation "t" violates check constraint "t_v_check" (SQLSTATE 23514)|in/a.csv|raw 4|["id","v"]`,
					`5|parse|row 5 has 3 fields|in/a.csv|raw 5|["id","v"]`,
					"6|database|table \"public\".\"t\" has no column for the field \"unknown\": remove it in a mapping, add the column, or set `unknown_fields: ignore`|in/a.csv|raw 6|[\"id\",\"v\"]",
				}, db.rows("SELECT row_number, stage, reason, path, raw, header FROM rejected ORDER BY row_number"))
				if mode == "ledger" {
					assert.Equal(t, "{[1,9)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
				}
			}
		})
	}
}

func TestARejectionCanBeStoredWhateverTheMessageHolds(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, rejectsSchema)
	o := db.connected("table: t\nrejects: { table: rejected }")
	batch := batchOf(fields{"id": 1}, fields{"id": 2})
	for i, raw := range []string{"a\x00b\xff€", strings.Repeat("x", 1<<20)} {
		batch[i] = service.NewMessage([]byte(raw))
	}
	assert.Empty(t, o.writeBatch(batch))
	assert.Equal(t, []string{`a\x00b\xff€`}, db.rows("SELECT raw FROM rejected WHERE length(raw) < 100"))
	assert.Equal(t, "1", db.value("SELECT count(*) FROM rejected WHERE length(raw) BETWEEN 60000 AND 66000"))
}

//promise:operator
func TestATableForRejectionsThatFailsIsWaitedFor(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	cases := map[string]struct{ spoil, fix, says string }{
		"dropped":       {"ALTER TABLE rejected RENAME TO gone", "ALTER TABLE gone RENAME TO rejected", "does not exist"},
		"not permitted": {"REVOKE INSERT ON rejected FROM %s", "GRANT INSERT ON rejected TO %s", "permission denied for table rejected"},
		"other columns": {"ALTER TABLE rejected RENAME TO gone; CREATE TABLE rejected (n serial)", "DROP TABLE rejected; ALTER TABLE gone RENAME TO rejected", "none of the columns of a rejected row"},
		"a check":       {"ALTER TABLE rejected ADD CONSTRAINT no CHECK (stage <> 'database')", "ALTER TABLE rejected DROP CONSTRAINT no", "violates check constraint"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, rejectsSchema)
			dsn, role := db.asRole()
			db.exec("GRANT INSERT, SELECT ON t, rejected TO " + role)
			o := newTestOutput(t, dsn, "table: t\nrejects: { table: rejected }")
			o.connect()
			spoil, fix := c.spoil, c.fix
			if strings.Contains(spoil, "%s") {
				spoil, fix = fmt.Sprintf(spoil, role), fmt.Sprintf(fix, role)
			}
			db.exec(spoil)
			if name == "other columns" {
				db.exec("GRANT INSERT, SELECT ON rejected TO " + role)
			}
			done := make(chan map[int]string)
			go func() { done <- o.writeBatch(csvBatch(1, fields{"id": 1, "v": 1}, fields{"id": 2, "v": -1})) }()
			require.Eventually(t, func() bool {
				return strings.Contains(o.log.String(), "storing rejected rows in table") && strings.Contains(o.log.String(), c.says)
			}, patient, 5*time.Millisecond)
			assert.Equal(t, "0", db.value("SELECT count(*) FROM t"))
			db.exec(fix)
			assert.Empty(t, <-done)
			assert.Equal(t, "1", db.value("SELECT count(*) FROM t"))
			assert.Equal(t, "1", db.value("SELECT count(*) FROM rejected"))
		})
	}
}

func TestAMissingTableForRejectionsIsNamedWhenConnecting(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, "CREATE TABLE t (v int)")
	err := newTestOutput(t, db.dsn, "table: t\nrejects: { table: missing }").Connect(context.Background())
	assert.ErrorContains(t, err, "there is no table missing")
}

//promise:bounded-logs
func TestRejectionsAreSummedUpInTheLog(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, rejectsSchema)
	o := db.connected("table: t\nrejects: { table: rejected }")
	for batch := range 50 {
		assert.Empty(t, o.writeBatch(csvBatch(batch*10, fields{"id": batch * 2, "v": -1}, fields{"id": "x"})))
	}
	require.NoError(t, o.Close(context.Background()))
	log := o.log.String()
	assert.LessOrEqual(t, strings.Count(log, "\n"), 6, log)
	assert.Contains(t, log, "Rejected 2 rows: 1 at stage database (check), 1 at stage database (type). The newest: ")
	assert.Contains(t, log, "(file in/a.csv, row 491)")
}

func TestAMappingMayMakeTheRejectedRow(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE t (v int); CREATE TABLE mine (why text, what text)`)
	o := db.connected("table: t\nrejects:\n  table: mine\n  mapping: 'root = { \"why\": @reject_stage + \": \" + @reject_reason, \"what\": content().string() }'")
	assert.Empty(t, o.write(fields{"v": 1}, fields{"v": "x"}))
	assert.Equal(t, `database: column "v" integer: cannot take "x": not an integer|{"v":"x"}`, db.value("SELECT why, what FROM mine"))
}

func TestAReturnedRejectionIsLoggedWithItsRow(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	db := newTestDB(t, rejectsSchema)
	o := db.connected("table: t")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	returned := 0
	for ctx.Err() == nil { // as an input does that sends again what is given back
		err := o.WriteBatch(ctx, csvBatch(7, fields{"id": 1, "v": -1}))
		if ctx.Err() == nil {
			assert.EqualError(t, err, "table t: 1 of 1 rows were rejected, the first (file in/a.csv, row 7) because: new row for relation \"t\" violates check constraint \"t_v_check\" (SQLSTATE 23514). Add `rejects`, or a `fallback` output, to store what is rejected")
			returned++
		}
	}
	assert.LessOrEqual(t, returned, 4)
}
