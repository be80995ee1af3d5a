package postgrescopy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCutConnectionsLoseAndDuplicateNothing(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
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

				// The same when rows are staged, in several statements, or isolated.
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

func TestACutAtAnyStepLosesAndDuplicatesNothing(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for mode, yaml := range modesThatRepeat {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			key := "PRIMARY KEY"
			if mode == "exactly once" {
				key = ""
			}
			db := newLedgerDB(t, `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE v (v int `+key+`, pad text CHECK (pad <> ''), spot point, parent int REFERENCES parents)`)
			p, dsn := newProxy(t, db.dsn)
			o := newTestOutput(t, dsn, "table: v\nmax_in_flight: 1\n"+yaml)
			o.connect()
			good, step := 0, 0
			for cuts := 0; ; step++ {
				var rows []fields // of several sets of fields, staged, and isolated
				for i := range 8 {
					rows = append(rows, fields{"v": 100*step + i, "pad": "x"})
				}
				rows[1]["spot"] = "(1,2)"
				rows[3]["parent"] = 9
				rows[5]["pad"] = ""
				p.armAfter(step)
				rejected := o.writeBatch(numbered("a", 100*step, rows...))
				require.Len(t, rejected, 2, "step %d", step)
				good += 6
				require.Equal(t, fmt.Sprintf("%[1]d|%[1]d", good), db.value("SELECT count(*), count(DISTINCT v) FROM v"), "step %d", step)
				if p.cuts() == cuts {
					break // it took fewer messages than that
				}
				cuts = p.cuts()
			}
			assert.Greater(t, step, 10)
			t.Log("steps:", step)
		})
	}
}

func TestACutAppendLosesNoRow(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE v (v int, pad text)`)
	p, dsn := newProxy(t, db.dsn)
	o := newTestOutput(t, dsn, "table: v")
	o.connect()
	p.arm(beforeCommit)
	assert.Empty(t, o.write(wide(0, 100)...))
	assert.Equal(t, "100|100", db.value("SELECT count(*), count(DISTINCT v) FROM v"))
	p.arm(afterCommit)
	assert.Empty(t, o.write(wide(100, 200)...))
	assert.Equal(t, "300|200", db.value("SELECT count(*), count(DISTINCT v) FROM v"), "as the documentation says")
	assert.Equal(t, 2, p.cuts())
}
