package postgrescopy

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A column's default that counts is evaluated for each attempt at a row, and a
// sequence forgets nothing when a transaction is rolled back.
const countedTable = `CREATE SEQUENCE attempts; CREATE TABLE t (id int8 PRIMARY KEY, n int NOT NULL, parent int, u int8, attempt int8 DEFAULT nextval('attempts'))`

// maxNamedRows is how many rows of a batch are left out because the server named
// their line, before the others are isolated.
const maxNamedRows = 3

// patterns are ways for bad rows to be spread over a batch.
var patterns = []struct {
	name string
	bad  func(i, rows int) bool
}{
	{"one", func(i, rows int) bool { return i == rows/2 }},
	{"the first three", func(i, _ int) bool { return i < 3 }},
	{"the last four", func(i, rows int) bool { return i >= rows-4 }},
	{"every other", func(i, _ int) bool { return i%2 == 1 }},
	{"every third", func(i, _ int) bool { return i%3 == 2 }},
	{"every hundredth", func(i, _ int) bool { return i%100 == 99 }},
	{"all", func(int, int) bool { return true }},
	{"where runs are longest", func(i, _ int) bool { return (i+2)&(i+1) == 0 }},
	{"a half at random", func(int, int) bool { return rand.IntN(2) == 0 }},
	{"a tenth at random", func(int, int) bool { return rand.IntN(10) == 0 }},
}

func TestBadRowsAreFoundAtTheDocumentedCost(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, kind := range faultKinds {
		if kind.name != "by check constraint" && kind.name != "by foreign key" && kind.name != "by deferred foreign key" && kind.name != "by unique key" {
			continue
		}
		for _, mode := range []string{"append", "upsert"} {
			t.Run(kind.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, countedTable, kind.schema)
				p, dsn := newProxy(t, db.dsn)
				o := newTestOutput(t, dsn, "table: t\ncolumns: [ id, n, parent, u ]\nwrite_mode: "+mode)
				o.connect()
				for _, pattern := range patterns {
					for _, rows := range []int{4, 13, 64, 1500} {
						db.exec("DELETE FROM t WHERE id >= 0")
						batch := make([]fields, rows)
						bad := 0
						for i := range batch {
							batch[i] = fields{"id": i, "n": 1, "parent": 1, "u": i}
							if pattern.bad(i, rows) {
								kind.spoil(batch[i])
								bad++
							}
						}
						before := attempts(t, db)
						p.counted()
						require.Len(t, o.write(batch...), bad)
						copies, _ := p.counted()

						byLine := 0 // COPYs in which the server names a line
						if strings.HasPrefix(kind.name, "by check") || strings.HasPrefix(kind.name, "by unique") {
							byLine = min(bad, maxNamedRows)
						}
						what := fmt.Sprintf("%s of %d rows", pattern.name, rows)
						wantCopies := byLine + 1 // the last of them succeeds, or is the first without a line, or one too many
						if bad > byLine {
							wantCopies++ // to isolate
						}
						if mode == "upsert" {
							assert.LessOrEqual(t, copies, wantCopies+1, what) // the attempt to write directly
						} else {
							assert.Equal(t, wantCopies, copies, what)
						}
						// A COPY tries a row once at most, and so may one more, to isolate.
						assert.LessOrEqual(t, attempts(t, db)-before, (byLine+1)*rows+7*rows/3, what)
					}
				}
			})
		}
	}
}

// attempts is how often the server has tried a row.
func attempts(t *testing.T, db *testDB) int {
	t.Helper()
	n, err := strconv.Atoi(db.value("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM attempts"))
	require.NoError(t, err)
	return n
}

func TestAChainOfReferencesSurvivesABadRow(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	shuffled := rand.Perm(50)
	for name, c := range map[string]struct {
		rows, attempts int
		key            func(i int) int
	}{
		"forwards":    {500, 5 * 500, func(i int) int { return i + 1 }},
		"backwards":   {500, 5 * 500, func(i int) int { return 500 - i }},
		"in no order": {50, 50 * 50, func(i int) int { return shuffled[i] + 1 }},
	} {
		rows, key := c.rows, c.key
		for _, others := range []string{"a bad row of another kind", "a row without its parent"} {
			for _, mode := range []string{"append", "ignore", "upsert"} {
				t.Run(name+"/"+others+"/"+mode, func(t *testing.T) {
					t.Parallel()
					db := newTestDB(t, `CREATE SEQUENCE attempts; CREATE TABLE t (id int8 PRIMARY KEY, parent int REFERENCES t, v int CHECK (v > 0), attempt int8 DEFAULT nextval('attempts'))`)
					o := db.connected("table: t\ncolumns: [ id, parent, v ]\nwrite_mode: " + mode)
					batch := []fields{{"id": key(0), "parent": nil, "v": 1}}
					for i := 1; i < rows; i++ {
						batch = append(batch, fields{"id": key(i), "parent": key(i - 1), "v": 1})
					}
					bad := fields{"id": 100_000, "parent": nil, "v": -1}
					if others == "a row without its parent" {
						bad = fields{"id": -5, "parent": 99_999, "v": 1}
					}
					batch = append(batch, bad)
					rejected := o.write(batch...)
					assert.Len(t, rejected, 1)
					assert.NotEmpty(t, rejected[rows])
					assert.Equal(t, strconv.Itoa(rows), db.value("SELECT count(*) FROM t"))
					assert.Less(t, attempts(t, db), c.attempts)
				})
			}
		}
	}
}
