package postgrescopy

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestATableThatIsAlteredMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	const before = `CREATE TYPE mood AS ENUM ('good'); CREATE TABLE a (id int8 PRIMARY KEY, v int8, w varchar(3), m mood)`
	cases := []struct {
		name, alter string
		row         fields
		want        string
		yaml        string
	}{
		{"a type of as many bytes", `ALTER TABLE a ALTER v TYPE timestamptz USING to_timestamp(v)`, fields{"id": 2, "v": 86400}, "2|1970-01-02 00:00:00+00||", ""},
		{"a type of fewer bytes", `ALTER TABLE a ALTER v TYPE int2`, fields{"id": 2, "v": 5}, "2|5||", ""},
		{"a longer text", `ALTER TABLE a ALTER w TYPE varchar(5)`, fields{"id": 2, "w": "12345"}, "2||12345|", ""},
		{"a column more", `ALTER TABLE a ADD x int`, fields{"id": 2, "x": 5}, "2||||5", ""},
		{"a column less", `ALTER TABLE a DROP v`, fields{"id": 2, "w": "a"}, "2|a|", ""},
		{"a column less that rows still have", `ALTER TABLE a DROP v`, fields{"id": 2, "v": 3, "w": "a"}, "2|a|", "unknown_fields: ignore"},
		{"a column renamed", `ALTER TABLE a RENAME v TO y`, fields{"id": 2, "y": 4}, "2|4||", ""},
		{"a label more", `ALTER TYPE mood ADD VALUE 'bad'`, fields{"id": 2, "m": "bad"}, "2|||bad", ""},
		{"another table of the name", `DROP TABLE a; CREATE TABLE a (id text, v text)`, fields{"id": "x", "v": "y"}, "x|y", ""},
		{"row-level security", `ALTER TABLE a ENABLE ROW LEVEL SECURITY`, fields{"id": 2}, "2|||", ""},
	}
	for _, c := range cases {
		for _, mode := range []string{"append", "ignore"} {
			if mode == "ignore" && c.name == "another table of the name" {
				continue
			}
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, before)
				o := db.connected("table: a\nwrite_mode: " + mode + "\n" + c.yaml)
				assert.Empty(t, o.write(fields{"id": 1, "v": 0}))
				db.exec(c.alter)
				assert.Empty(t, o.write(c.row))
				assert.Equal(t, c.want, db.value("SELECT * FROM a WHERE id::text <> '1'"))
				assert.Empty(t, o.log.String())
			})
		}
	}
}

func TestTablesThatSwapNamesAreNotMixedUp(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"append", "ignore"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE a (id int PRIMARY KEY, v int8); CREATE TABLE b (id int PRIMARY KEY, v timestamptz)`)
			o := db.connected("table: a\nwrite_mode: " + mode)
			assert.Empty(t, o.write(fields{"id": 1, "v": 86400}))
			db.exec(`ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a`) // as after a migration
			assert.Empty(t, o.write(fields{"id": 2, "v": 86400}))
			assert.Equal(t, "2|1970-01-02 00:00:00+00", db.value("SELECT * FROM a"))
			assert.Equal(t, "1|86400", db.value("SELECT * FROM c"))
			assert.Empty(t, o.log.String())
		})
	}
}

func TestACompositeTypeThatIsAlteredIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ alter, want string }{
		"an attribute more":                  {`ALTER TYPE pair ADD ATTRIBUTE c int`, "(1,x,)"},
		"an attribute less":                  {`ALTER TYPE pair DROP ATTRIBUTE b`, ""},
		"an attribute of the same, but text": {`ALTER TYPE pair DROP ATTRIBUTE a; ALTER TYPE pair ADD ATTRIBUTE a text`, "(x,1)"},
	} {
		for _, mode := range []string{"append", "upsert"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				db := newTestDB(t, `CREATE TYPE pair AS (a int, b text); CREATE TABLE p (id int PRIMARY KEY, v pair)`)
				o := db.connected("table: p\nwrite_mode: " + mode)
				row := func(id int) fields { return fields{"id": id, "v": fields{"a": 1, "b": "x"}} }
				assert.Empty(t, o.write(row(1)))
				if mode == "upsert" { // has it go through a staging table
					assert.Empty(t, o.write(row(1)))
				}
				db.exec(c.alter)
				rejected := o.write(row(2))
				if c.want == "" {
					assert.Contains(t, rejected[0], `the type has no field "b"`)
					return
				}
				assert.Empty(t, rejected)
				assert.Equal(t, c.want, db.value("SELECT v FROM p WHERE id = 2"))
				assert.Empty(t, o.log.String())
			})
		}
	}
}

func TestADroppedUniqueIndexLetsNoDuplicateIn(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE k (id int, v text); CREATE UNIQUE INDEX by_id ON k (id)`)
			o := db.connected("table: k\nwrite_mode: " + mode + "\nprimary_keys: [ id ]")
			assert.Empty(t, o.write(fields{"id": 1}))
			db.exec("DROP INDEX by_id")
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			require.ErrorIs(t, o.WriteBatch(ctx, batchOf(fields{"id": 1}, fields{"id": 2})), service.ErrNotConnected)
			require.ErrorContains(t, o.Connect(ctx), `needs a unique index on "public"."k" ("id"), and there is none: run CREATE UNIQUE INDEX`)
			db.exec("CREATE UNIQUE INDEX by_id ON k (id)")
			assert.Empty(t, o.write(fields{"id": 1}, fields{"id": 2}))
			assert.Equal(t, []string{"1", "2"}, db.rows("SELECT id FROM k ORDER BY id"))

			db.exec("REINDEX INDEX CONCURRENTLY by_id") // another index of the same name
			assert.Empty(t, o.write(fields{"id": 2}, fields{"id": 3}))
			assert.Equal(t, "3", db.value("SELECT count(*) FROM k"))
		})
	}
}

func TestATableMayBeAlteredWhileBatchesFly(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"append", "ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE f (id int8 PRIMARY KEY, v int8, w text)`)
			o := db.connected("table: f\nunknown_fields: ignore\nwrite_mode: " + mode)
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			var wg sync.WaitGroup
			var stop atomic.Bool
			var rows atomic.Int64
			errs := make(chan error, 4)
			for range 4 {
				wg.Go(func() {
					for !stop.Load() {
						batch := make([]fields, 50)
						for i := range batch {
							batch[i] = fields{"id": rows.Add(1), "v": 7, "w": "w", "x": 1}
						}
						rejected, err := o.send(ctx, batchOf(batch...))
						if err == nil && len(rejected) > 0 {
							err = fmt.Errorf("rejected: %v", rejected)
						}
						if err != nil {
							errs <- err
							return
						}
					}
				})
			}
			for range 3 {
				for _, alter := range []string{
					"ALTER TABLE f ALTER v TYPE text", "ALTER TABLE f ADD x int", "ALTER TABLE f ALTER v TYPE int4 USING v::int4", "ALTER TABLE f DROP x",
					"ALTER TABLE f RENAME w TO x", "ALTER TABLE f ALTER v TYPE numeric(4,1)", "ALTER TABLE f RENAME x TO w", "BEGIN; ALTER TABLE f RENAME TO g; ALTER TABLE g RENAME TO f; COMMIT",
					"BEGIN; ALTER TABLE f RENAME TO g; CREATE TABLE f (LIKE g INCLUDING ALL); INSERT INTO f SELECT * FROM g; DROP TABLE g; COMMIT", "ALTER TABLE f ALTER v TYPE int8",
				} {
					seen := rows.Load()
					db.exec(alter)
					require.Eventually(t, func() bool { return rows.Load() > seen+100 || len(errs) > 0 }, patient, time.Millisecond)
				}
			}
			stop.Store(true)
			wg.Wait()
			close(errs)
			require.NoError(t, <-errs)
			want := fmt.Sprintf("%[1]d|%[1]d|7", rows.Load())
			assert.Equal(t, want, db.value("SELECT count(*), count(DISTINCT id), avg(v)::int FROM f"))
		})
	}
}
