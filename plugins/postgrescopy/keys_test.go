package postgrescopy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeysOfAnyTypeTellRowsApart(t *testing.T) {
	t.Parallel()
	const schema = `CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pair AS (a int, b text);
		CREATE DOMAIN code AS varchar(6) CHECK (VALUE <> ''); CREATE DOMAIN amount AS numeric(6,2);`
	// Three values that differ, and the first of them in other words.
	cases := []struct {
		typ    string
		values [3]any
		same   any
	}{
		{"int2", [3]any{1, -1, 0}, "1"}, {"int4", [3]any{1, 256, -256}, 1.0}, {"int8", [3]any{1, "9223372036854775807", "-9223372036854775808"}, " 1 "}, {"oid", [3]any{1, 2, 4294967295}, "1"},
		{"numeric", [3]any{"1.0", "1.1", "NaN"}, "1.00"}, {"numeric(6,2)", [3]any{1.005, 2, "-0"}, "1.01"}, {"amount", [3]any{1, 2, 3}, "0.999"},
		{"float4", [3]any{0.0, 1.5, "NaN"}, "-0"}, {"float8", [3]any{0.0, "inf", "-inf"}, "-0"},
		{"bool", [3]any{true, false, nil}, "yes"}, {"bytea", [3]any{"a", "b", `\x`}, `\x61`},
		{"text", [3]any{"a", "A", ""}, []byte("a")}, {"varchar(3)", [3]any{"abc", "ab", "abd"}, "abc  "}, {"char(5)", [3]any{"ab", "abc", "b"}, "ab   "}, {"bpchar", [3]any{"abc", "abd", "c"}, "abc  "},
		{"name", [3]any{"a", "b", "c"}, "a"}, {`"char"`, [3]any{"a", "b", "c"}, "a"}, {"citext", [3]any{"ab", "c", "d"}, "AB"}, {"code", [3]any{"a", "b", "c"}, "a"},
		{"uuid", [3]any{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", "00000000-0000-0000-0000-000000000000"}, "A0EEBC999C0B4EF8BB6D6BB9BD380A11"},
		{"date", [3]any{"2024-01-01", "1999-12-31", "-infinity"}, "20240101"}, {"time", [3]any{"12:00", "24:00", "00:00"}, "12:00:00.0"}, {"timetz", [3]any{"12:00+00", "12:00+01", "13:00+01:30"}, "12:00Z"},
		{"timestamp", [3]any{0, 1, "infinity"}, "1970-01-01"}, {"timestamptz", [3]any{0, 0.000001, -1}, "1970-01-01T01:00:00+01:00"}, {"timestamptz(0)", [3]any{0, 1, -1}, 0.4},
		{"interval", [3]any{"1 day", "1 mon", "1 sec"}, "24:00:00"}, {"inet", [3]any{"10.0.0.1", "10.0.0.1/8", "::1"}, "10.0.0.1/32"}, {"cidr", [3]any{"10.0.0.0/8", "10.0.0.0/9", "::/0"}, "10.0.0.0/8"}, {"macaddr", [3]any{"08:00:2b:01:02:03", "08:00:2b:01:02:04", "00:00:00:00:00:00"}, "08002b010203"},
		{"bit(3)", [3]any{"101", "111", "000"}, "b101"}, {"varbit", [3]any{"101", "1010", ""}, "101"}, {"mood", [3]any{"sad", "happy", "ok"}, "sad"},
		{"int4[]", [3]any{[]any{1}, []any{1, 2}, []any{}}, "{1}"}, {"text[]", [3]any{[]any{"a"}, []any{"a", nil}, []any{}}, `{"a"}`}, {"numeric[]", [3]any{[]any{"1.0"}, []any{2}, []any{}}, "{1.00}"},
		{"jsonb", [3]any{fields{"a": 1, "b": 2}, []any{}, 1}, `{"b": 2, "a": 1.0}`}, {"int4range", [3]any{"[1,3)", "empty", "(,)"}, "[1,2]"}, {"pair", [3]any{fields{"a": 1}, fields{"b": "x"}, fields{}}, "(1,)"},
		{"money", [3]any{1, 2, 3}, "1.00"}, {"pg_lsn", [3]any{"0/1", "0/2", "1/0"}, "0/01"}, {"tsvector", [3]any{"a", "b", "c"}, "'a'"}, {"hstore", [3]any{"a=>1", "b=>1", ""}, `"a"=>"1"`},
	}
	for _, mode := range []string{"ignore", "upsert"} {
		db := newTestDB(t, schema)
		for i, c := range cases {
			db.exec(fmt.Sprintf("CREATE TABLE t%d (k %s, v int); CREATE UNIQUE INDEX ON t%[1]d (k)", i, c.typ))
		}
		for i, c := range cases {
			t.Run(mode+"/"+c.typ, func(t *testing.T) {
				t.Parallel()
				o := newTestOutput(t, db.dsn, fmt.Sprintf("table: t%d\nwrite_mode: %s\nprimary_keys: [ k ]", i, mode))
				o.connect()
				distinct := c.values[:]
				if c.values[2] == nil { // which is no key
					distinct = c.values[:2]
				}
				for round := range 4 { // straight, and in the ways that are taken once keys have collided
					var rows []fields
					for _, value := range distinct {
						rows = append(rows, fields{"k": value, "v": 10 * round})
					}
					rows = append(rows, fields{"k": c.same, "v": 10*round + 1})
					assert.Empty(t, o.write(rows...))
				}
				want := fmt.Sprintf("%d|0|0", len(distinct)) // the first of all
				if mode == "upsert" {
					want = fmt.Sprintf("%d|30|31", len(distinct)) // the last of all
				}
				other := openTestDB(t, db.dsn)
				assert.Equal(t, want, other.value(fmt.Sprintf("SELECT count(*), min(v), max(v) FROM t%d", i)))
				assert.Empty(t, o.log.String())
				assert.NoError(t, o.Close(t.Context()))
			})
		}
	}
}

// lowered makes the key of a row lower case before it is inserted.
const lowered = `CREATE FUNCTION lowered() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.k := lower(NEW.k); RETURN NEW; END';
	CREATE TRIGGER lowered BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION lowered()`

func TestKeysThatTheServerMakesEqual(t *testing.T) {
	t.Parallel()
	const collation = `CREATE COLLATION "any case" (provider = icu, locale = 'und-u-ks-level2', deterministic = false); `
	for name, schema := range map[string]string{
		"a trigger":                `CREATE TABLE t (k text PRIMARY KEY, v int, w int); ` + fmt.Sprintf(lowered, "t"),
		"a trigger of a partition": `CREATE TABLE t (k text PRIMARY KEY, v int, w int) PARTITION BY RANGE (k); CREATE TABLE p PARTITION OF t DEFAULT; ` + fmt.Sprintf(lowered, "p"),
		"a column's collation":     collation + `CREATE TABLE t (k text COLLATE "any case" PRIMARY KEY, v int, w int)`,
		"an index's collation":     collation + `CREATE TABLE t (k text, v int, w int); CREATE UNIQUE INDEX ON t (k COLLATE "any case")`,
	} {
		for _, mode := range []string{"ignore", "upsert"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t)
				if _, err := db.conn.PgConn().Exec(t.Context(), schema).ReadAll(); err != nil {
					require.ErrorContains(t, err, "ICU is not supported")
					t.Skip("this server is built without ICU")
				}
				o := db.connected("table: t\nprimary_keys: [ k ]\nwrite_mode: " + mode)
				for round := range 4 {
					n := 10 * round
					assert.Empty(t, o.write(fields{"k": "b", "v": n + 1}, fields{"k": "A", "v": n + 2}, fields{"k": "a", "v": n + 3}, fields{"k": "A", "v": n + 4}))
					assert.Empty(t, o.write(fields{"k": "c", "v": n + 5}, fields{"k": "D", "v": n + 6}, fields{"k": "d", "v": n + 7}, fields{"k": "C", "v": n + 8}))
					assert.Empty(t, o.write(fields{"k": "E", "v": n + 1}, fields{"k": "e", "v": n + 2, "w": 1}, fields{"k": "F", "v": n + 3, "w": 1}, fields{"k": "f", "v": n + 4}))
				}
				want := "2,1,5,6,1,3" // the first of all
				if mode == "upsert" {
					want = "34,31,38,37,32,34" // the last of all
				}
				assert.Equal(t, want, db.value("SELECT string_agg(v::text, ',' ORDER BY lower(k)) FROM t"))
				assert.Empty(t, o.log.String())
			})
		}
	}
}

func TestATriggerAddedMeanwhileMayChangeKeys(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE t (k text PRIMARY KEY, v int)`)
	o := db.connected("table: t\nwrite_mode: upsert")
	assert.Empty(t, o.write(fields{"k": "x", "v": 1}))
	db.exec(fmt.Sprintf(lowered, "t"))
	assert.Empty(t, o.write(fields{"k": "a", "v": 1}, fields{"k": "A", "v": 2}))
	assert.Equal(t, "2", db.value("SELECT v FROM t WHERE k = 'a'"))
}

func TestSequenceByOrdersEqualValuesAndNULL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows []fields
		want string
	}{
		"equal":              {[]fields{{"s": 1, "v": "first"}, {"s": 1, "v": "last"}}, "last"},
		"NULL after a value": {[]fields{{"s": 1, "v": "value"}, {"s": nil, "v": "null"}}, "value"},
		"a value after NULL": {[]fields{{"s": nil, "v": "null"}, {"s": -1, "v": "value"}}, "value"},
		"NULL after NULL":    {[]fields{{"s": nil, "v": "first"}, {"s": nil, "v": "last"}}, "last"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE t (id int PRIMARY KEY, s int, v text, n int CHECK (n > 0))`)
			o := db.connected("table: t\nwrite_mode: upsert\nsequence_by: s")
			for id, together := range []bool{true, false} {
				batches := [][]fields{c.rows}
				if !together {
					batches = [][]fields{c.rows[:1], c.rows[1:]}
				}
				for _, rows := range batches {
					var sent []fields
					for _, row := range rows {
						sent = append(sent, fields{"id": id, "s": row["s"], "v": row["v"]})
					}
					assert.Empty(t, o.write(sent...))
				}
			}
			assert.Len(t, o.write( // found while bad rows are isolated
				fields{"id": 2, "s": c.rows[0]["s"], "v": c.rows[0]["v"]}, fields{"id": 3, "s": 1, "n": 0}, fields{"id": 2, "s": c.rows[1]["s"], "v": c.rows[1]["v"]}), 1)
			assert.Equal(t, c.want+","+c.want+","+c.want, db.value("SELECT string_agg(v, ',' ORDER BY id) FROM t"))
		})
	}
}
