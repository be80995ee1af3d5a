package postgrescopy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

func TestBadRowsAreFoundWhateverTheColumnsNames(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, name := range []string{"i", "n", "o", "size", "inserted", "detail", "orphans", "c1", "postgres_copy_faults"} {
		for _, mode := range []string{"append", "ignore", "upsert"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, fmt.Sprintf(`CREATE TABLE t (%[1]s int PRIMARY KEY, v int CHECK (v > 0), parent int REFERENCES t)`, name))
				o := db.connected("table: t\nwrite_mode: " + mode)
				for range 2 {
					rejected := o.write(fields{name: 1, "v": 1, "parent": 9}, fields{name: 2, "v": -1, "parent": nil}, fields{name: 3, "v": 1, "parent": 4}, fields{name: 4, "v": 3, "parent": nil})
					want := 2
					if mode == "append" && db.value("SELECT count(*) > 0 FROM t WHERE v = 7") == "t" {
						want = 4
					}
					assert.Len(t, rejected, want)
					assert.Contains(t, rejected[0], "23503")
					assert.Contains(t, rejected[1], "23514")
					db.exec("UPDATE t SET v = 7 WHERE " + name + " = 3")
				}
				assert.Equal(t, "2", db.value("SELECT count(*) FROM t"))
			})
		}
	}
}

func TestReasonsNameTheColumnWithoutTheWholeValue(t *testing.T) {
	t.Parallel()
	const schema = `CREATE DOMAIN price AS int CHECK (VALUE >= 0); CREATE DOMAIN words AS tsvector;
		CREATE TABLE t (id int, p price, spot point, "Other" point, words words, span int4range);`
	long := strings.Repeat("é", 100_000)
	for _, c := range []struct {
		row  fields
		want string
	}{
		{fields{"p": -1}, `column "p" price: value for domain price violates check constraint "price_check" (SQLSTATE 23514)`},
		{fields{"spot": "here"}, `column "spot" point: invalid input syntax for type point: "here" (SQLSTATE 22P02)`},
		{fields{"spot": "(1,2)", "Other": "here"}, `column "spot" point or "Other" point: invalid input syntax for type point: "here" (SQLSTATE 22P02)`},
		{fields{"spot": long}, `column "spot" point: invalid input syntax for type point: "é`},
		{fields{"words": "a:"}, `column "words" words: syntax error in tsvector: "a:" (SQLSTATE 42601)`},
		{fields{"span": "[5,1]"}, `column "span" int4range: range lower bound must be less than or equal to range upper bound (SQLSTATE 22000)`},
		{fields{"span": "[5,1]", "spot": "(1,2)"}, `column "span" int4range: range lower bound must be less than or equal to range upper bound (SQLSTATE 22000)`},
	} {
		for neighbours := range 2 { // a message alone must not be waited for either
			t.Run(fmt.Sprintf("%.20v/%d", c.row, neighbours), func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, schema)
				o := db.connected("table: t")
				batch := []fields{{"id": 1}, {"id": 2, "p": 0, "spot": "(1,2)"}}[:2*neighbours]
				for range 1 + 4*neighbours { // by the line that is named, and beyond
					batch = append(batch, c.row)
				}
				rejected := o.write(batch...)
				require.Len(t, rejected, 1+4*neighbours)
				for i := 2 * neighbours; i < len(batch); i++ {
					assert.Contains(t, rejected[i], c.want)
					assert.Less(t, len(rejected[i]), 700)
				}
				assert.Equal(t, fmt.Sprint(2*neighbours), db.value("SELECT count(*) FROM t"))
				assert.Empty(t, o.log.String())
			})
		}
	}
}

//promise:one-row
func TestHostileCellsCostTheirRowsAndNoOthers(t *testing.T) {
	t.Parallel()
	nested := func(open, end string, depth int) string {
		return strings.Repeat(open, depth) + "1" + strings.Repeat(end, depth)
	}
	var deepArray any = int64(1)
	for range 4_000 {
		deepArray = []any{deepArray}
	}
	manyItems := make([]any, 200_000)
	for i := range manyItems {
		manyItems[i] = int64(i)
	}
	var words strings.Builder // too many for a tsvector, too long for a key
	for i := range 200_000 {
		fmt.Fprintf(&words, "w%x ", i*7919)
	}
	hostile := []fields{
		{"v": "a\x00b"}, {"v": "\xff\xfe"}, {"v": string([]byte{0xed, 0xa0, 0x80})}, {"v": []byte("\x00")},
		{"v": map[string]any{"a\x00": 1}}, {"j": "{\"a\x00\":1}"}, {"b": `"\u0000"`}, {"b": nested("[", "]", 10_001)},
		{"n": json.Number("1e999999999")}, {"n": strings.Repeat("9", 200_000)}, {"n": "1e-20000"}, {"i": json.Number("1e400")}, {"i": strings.Repeat("0", 1<<20) + "x"},
		{"a": deepArray}, {"a": nested("{", "}", 9_999)}, {"a": "[2147483647:2147483647]={1}"}, {"a": "{" + strings.Repeat("1,", 100_000)}, {"a": "[-2147483648:2147483646]={1}"},
		{"w": words.String()}, {"k": words.String()}, {"v": deepArray, "i": "x"},
	}
	// These the server may take or not, by its limits and its version.
	either := []fields{{"n": "0x10"}, {"b": nested("[", "]", 9_999)}, {"j": nested("[", "]", 9_999)}, {"b": nested(`{"a":`, "}", 9_999)}, {"k": strings.Repeat("key", 5_000)}}
	bold := []fields{
		{"a": manyItems}, {"v": strings.Repeat("x", 8<<20)}, {"b": nested("[", "]", 2_000)}, {"n": strings.Repeat("9", 100_000)}, {"n": "-0e-5"}, {"a": []any{}},
		{"v": deepArray}, {"t": "infinity"}, {"v": "'; DROP TABLE t; --"}, {"v": "\\."}, {"v": "\r\n\t\u2028"},
	}
	for _, mode := range []string{"append", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE t (id int PRIMARY KEY, v text, n numeric, i int8, a int[], j json, b jsonb, t timestamptz, w tsvector, k text UNIQUE)`)
			o := db.connected("table: t\nwrite_mode: " + mode)
			var batch []fields
			bad, free := map[int]bool{}, map[int]bool{}
			for i := range max(len(hostile), len(bold)) {
				for _, rows := range [][]fields{hostile, bold, either, {}} {
					row := fields{"id": len(batch)}
					if i < len(rows) {
						for name, v := range rows[i] {
							row[name] = v
						}
						bad[len(batch)] = &rows[0] == &hostile[0]
						if &rows[0] == &either[0] {
							free[len(batch)] = true
						}
					}
					batch = append(batch, row)
				}
			}
			rejected := o.write(batch...)
			for i, row := range batch {
				reason, refused := rejected[i]
				assert.True(t, free[i] || bad[i] == refused, "%.60v: %s", fmt.Sprint(row), reason)
				assert.Less(t, len(reason), 1000)
			}
			assert.Equal(t, fmt.Sprint(len(batch)-len(rejected)), db.value("SELECT count(*) FROM t"))
			assert.Empty(t, o.log.String())
			assert.Empty(t, o.write(fields{"id": -1}))
		})
	}
}

func TestAnUnwritableTableCostsOnlyItsMessages(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE good (v int PRIMARY KEY); CREATE SEQUENCE numbers; CREATE MATERIALIZED VIEW seen AS SELECT 1 AS v; CREATE TABLE secret (v int PRIMARY KEY); CREATE TABLE keyless (v int)`)
	dsn, role := db.asRole()
	db.exec("GRANT ALL ON good, numbers, seen, keyless TO " + role)
	o := newTestOutput(t, dsn, "table: ${! this.table }\nunknown_fields: ignore\nwrite_mode: ignore")
	o.connect()
	tables := []string{"good", "numbers", "seen", "secret", "keyless", "a\x00b", "\xff", "pg_catalog.pg_authid", strings.Repeat("x", 100), "good.", `"`, "good"}
	var batch []fields
	for i, table := range tables {
		batch = append(batch, fields{"table": table, "v": i})
	}
	rejected := o.write(batch...)
	for i, table := range tables {
		assert.Equal(t, table != "good", rejected[i] != "", "%q: %s", table, rejected[i])
	}
	assert.Contains(t, rejected[1], "is not a table that rows can be written to")
	assert.Contains(t, rejected[3], "GRANT INSERT")
	assert.Contains(t, rejected[4], "has no primary key")
	assert.Contains(t, rejected[5], "it is not text that PostgreSQL can store")
	assert.Equal(t, []string{"0", "11"}, db.rows("SELECT v FROM good ORDER BY v"))
	assert.Empty(t, o.log.String())
}

func TestReasonsAreShortWhateverTheMessage(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE t (id int); CREATE EXTENSION hstore; CREATE TABLE h (v hstore)`)
	long := strings.Repeat("\u20ac", 100_000)
	many := fields{}
	for i := range 1_000 {
		many[fmt.Sprint(i, long[:300])] = i
	}
	o := db.connected("table: ${! this.table.or(\"t\") }\nunknown_fields: error")
	batch := []fields{{long: 1}, many, {"table": long}, {"table": "\xff" + long}, {"table": long + "." + long}, {"table": "h", "v": fields{long: "\xff"}}, {"id": long}, {"id": []byte(long)}}
	rejected := o.write(batch...)
	require.Len(t, rejected, len(batch))
	for i, reason := range rejected {
		assert.Less(t, len(reason), 1500, "%d: %s", i, reason)
		assert.True(t, utf8.ValidString(reason))
	}
	assert.Contains(t, rejected[1], `has no column for the field "0`)
}

func TestASequenceAtItsEndCostsNoRow(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE SEQUENCE ids MAXVALUE 3; CREATE TABLE t (id int DEFAULT nextval('ids') PRIMARY KEY, v int CHECK (v > 0))`)
	o := db.connected("table: t")
	done := make(chan map[int]string)
	go func() {
		done <- o.write(fields{"v": 1}, fields{"v": 0}, fields{"v": 2}, fields{"v": 3}, fields{"v": 4})
	}()
	require.Eventually(t, func() bool { return strings.Contains(o.log.String(), "SQLSTATE 2200H") }, patient, 5*time.Millisecond)
	db.exec("ALTER SEQUENCE ids NO MAXVALUE")
	rejected := <-done
	require.Len(t, rejected, 1)
	assert.Contains(t, rejected[1], "23514")
	assert.Equal(t, []string{"1", "2", "3", "4"}, db.rows("SELECT v FROM t ORDER BY v"))
}

func TestAnotherEncodingCostsOnlyWhatItLacks(t *testing.T) {
	t.Parallel()
	outer := newTestDB(t)
	name := outer.value("SELECT current_database()") + "_latin1"
	outer.exec("CREATE DATABASE " + sqltext.Quote(name) + " ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	t.Cleanup(func() { outer.exec("DROP DATABASE " + sqltext.Quote(name)) })
	u, err := url.Parse(outer.dsn)
	require.NoError(t, err)
	u.Path = "/" + name
	db := openTestDB(t, u.String(), "SET client_encoding = UTF8", `CREATE TYPE size AS ENUM ('groß', 'klein'); CREATE TABLE "Tür" (id int PRIMARY KEY, "Maß" text, j jsonb, s size, w tsvector)`)
	for _, mode := range []string{"append", "upsert"} {
		db.exec(`TRUNCATE "Tür"`)
		o := db.connected("table: Tür\nwrite_mode: " + mode)
		rejected := o.write(
			fields{"id": 1, "Maß": "größer", "s": "groß", "j": fields{"ü": "ß"}, "w": "schön"}, fields{"id": 2, "Maß": "5 €"}, fields{"id": 3, "j": fields{"€": 1}},
			fields{"id": 4, "w": "€"}, fields{"id": 5, "Maß": "日本"}, fields{"id": 6, "Maß": "é", "s": "klein"}, fields{"id": 7, "Maß": "Ω"},
		)
		require.Len(t, rejected, 5)
		for i, reason := range rejected {
			assert.Contains(t, reason, "22P05", i)
		}
		assert.Equal(t, []string{`1|größer|groß|{"ü": "ß"}|'schön'`, "6|é|klein||"}, db.rows(`SELECT id, "Maß", s, j, w FROM "Tür" ORDER BY id`))
		require.NoError(t, o.Close(t.Context()))
	}
	require.NoError(t, db.conn.Close(t.Context()))
}

func TestOneConnectionIsEnoughForAnythingAtOnce(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE a (id int PRIMARY KEY, v int CHECK (v > 0)); CREATE TABLE b (id int PRIMARY KEY, v point)`)
	o := db.connected("table: ${! this.table }\nunknown_fields: ignore\nwrite_mode: upsert\nmax_in_flight: 8\nconn_max_open: 1" + onceYAML)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	errs := make(chan error, 8)
	for worker := range cap(errs) {
		go func() {
			for round := range 5 {
				rejected, err := o.send(ctx, numbered(fmt.Sprint(worker), 10*round,
					fields{"table": "a", "id": worker, "v": 1}, fields{"table": "b", "id": worker, "v": "(1,2)"}, fields{"table": "a", "id": round},
					fields{"table": "a", "id": -1, "v": -1}, fields{"table": "c", "id": 1}, fields{"table": "b", "id": -1, "v": "x"},
				))
				if err == nil && len(rejected) != 3 {
					err = fmt.Errorf("rejected: %v", rejected)
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	assert.Equal(t, "8|8", db.value("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"))
}
