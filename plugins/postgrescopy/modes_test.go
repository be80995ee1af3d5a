package postgrescopy

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const itemsTable = `CREATE TABLE items (id int8 PRIMARY KEY, name text, price numeric(10,2) DEFAULT 9.5, note text)`

func TestRowsAreInsertedAndAbsentIsNotNull(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, itemsTable)
	o := db.connected("table: items")

	rejected := o.write(
		fields{"id": 3, "name": "c", "price": "1.255"},
		fields{"id": 1, "name": "a"},
		fields{"id": 2, "name": nil, "price": nil},
		fields{"id": 4},
	)

	assert.Empty(t, rejected)
	assert.Equal(t, []string{"1|a|9.50", "2||", "3|c|1.26", "4||9.50"}, db.rows("SELECT id, name, price FROM items ORDER BY id"))
	assert.Equal(t, "2", db.value("SELECT id FROM items WHERE price IS NULL"))
}

func TestARowWithoutFieldsTakesAllDefaults(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE d (id int GENERATED ALWAYS AS IDENTITY, v text DEFAULT 'x')`)
	o := db.connected("table: d")

	assert.Empty(t, o.write(fields{}, fields{"v": "y"}, fields{}))
	assert.Equal(t, []string{"x", "x", "y"}, db.rows("SELECT v FROM d ORDER BY v"))
}

func TestIgnoreSkipsKeysThatAreThere(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, itemsTable, `INSERT INTO items VALUES (2, 'old'), (5, 'old')`)
	o := db.connected("table: items\nwrite_mode: ignore\nprimary_keys: [ id ]")

	for range 3 { // straight, and staged
		assert.Empty(t, o.write(fields{"id": 1, "name": "new"}, fields{"id": 2, "name": "new"}, fields{"id": 3, "name": "new"}))
	}
	assert.Equal(t, []string{"1|new", "2|old", "3|new", "5|old"}, db.rows("SELECT id, name FROM items ORDER BY id"))
}

func TestIgnoreKeepsTheFirstOfAKey(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"keys of exact bytes": "int8", "keys equal in several forms": "numeric"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE k (id `+key+` PRIMARY KEY, v text, w text)`)
			o := db.connected("table: k\nwrite_mode: ignore")
			for range 2 {
				assert.Empty(t, o.write(
					fields{"id": "2", "w": "z"}, fields{"id": "1", "v": "a"}, fields{"id": "1", "v": "b"},
					fields{"id": "1", "w": "c"}, fields{"id": "2", "v": "d"},
				))
			}
			assert.Equal(t, []string{"1|a|", "2||z"}, db.rows("SELECT id, v, w FROM k ORDER BY id"))
		})
	}
}

func TestUpsertReplacesOnlyTheColumnsThatARowHas(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, itemsTable, `INSERT INTO items VALUES (1, 'old', 1, 'kept'), (2, 'old', 1, 'kept')`)
	o := db.connected("table: items\nwrite_mode: upsert\nprimary_keys: [ id ]")

	for range 3 {
		assert.Empty(t, o.write(fields{"id": 1, "name": "new"}, fields{"id": 2, "price": 7}, fields{"id": 3, "name": "three"}))
	}
	assert.Equal(t, []string{"1|new|1.00|kept", "2|old|7.00|kept", "3|three|9.50|"}, db.rows("SELECT * FROM items ORDER BY id"))
}

func TestARowWithADefaultKeyMeetsOtherIndexes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE s (id serial PRIMARY KEY, u int UNIQUE)`)
			o := db.connected("table: s\nwrite_mode: " + mode)
			rejected := o.write(fields{"u": 1}, fields{"u": 2}, fields{"u": 1}, fields{"u": 1}, fields{"u": 2}, fields{"u": 1}, fields{"u": 3})
			assert.Len(t, rejected, 4)
			assert.Contains(t, rejected[2], "23505")
			assert.Equal(t, []string{"1", "2", "3"}, db.rows("SELECT u FROM s ORDER BY u"))
		})
	}
}

func TestTheLastOfAKeyWinsAnUpsert(t *testing.T) {
	t.Parallel()
	rows := []fields{
		{"id": "1", "v": "a", "w": "a"}, {"id": "1", "v": "b"}, {"id": "2", "v": "c"}, {"id": "1", "w": "d"},
		{"id": "2", "v": "e"}, {"id": "1", "v": "f"}, {"id": nil, "v": "g"}, {"id": nil, "v": "g"},
	}
	for name, key := range map[string]string{"keys of exact bytes": "int8", "keys equal in several forms": "numeric"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE k (id `+key+` UNIQUE, v text, w text)`)
			o := db.connected("table: k\nwrite_mode: upsert\nprimary_keys: [ id ]")
			assert.Empty(t, o.write(rows...))
			assert.Equal(t, []string{"1|f|d", "2|e|", "|g|", "|g|"}, db.rows("SELECT id, v, w FROM k ORDER BY id"))
		})
	}
}

func TestEqualKeysInSeveralFormsAreOneKey(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string][]string{"ignore": {"1|a|"}, "upsert": {"1|c|b"}} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE k (id numeric PRIMARY KEY, v text, w text)`)
			o := db.connected("table: k\nwrite_mode: " + mode)
			for range 3 {
				assert.Empty(t, o.write(fields{"id": "1.00", "v": "a"}, fields{"id": "1.0", "w": "b"}, fields{"id": "1", "v": "z"}, fields{"id": "1.000", "v": "c"}))
			}
			assert.Equal(t, want, db.rows("SELECT trim_scale(id), v, w FROM k"))
			assert.Empty(t, o.write(fields{"id": "2.00", "v": "a"}, fields{"id": "2.000", "v": "b"}, fields{"id": "2.0", "v": "c"}))
			assert.Equal(t, map[string]string{"ignore": "a", "upsert": "c"}[mode], db.value("SELECT v FROM k WHERE id = 2"))
		})
	}
}

func TestAnyShareOfDuplicatesIsWrittenRight(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"ignore", "upsert"} {
		for _, percent := range []int{0, 1, 50, 100} {
			t.Run(fmt.Sprintf("%s/%d percent", mode, percent), func(t *testing.T) {
				t.Parallel()
				const size, rounds = 500, 6 // the way changes with what was met before
				db := newTestDB(t, `CREATE TABLE k (id int8 PRIMARY KEY, v int)`, fmt.Sprintf(`INSERT INTO k SELECT i, -1 FROM generate_series(0, %d) i`, size-1))
				o := db.connected("table: k\nwrite_mode: " + mode)
				for round := range rounds {
					rows := make([]fields, size)
					for i := range rows {
						rows[i] = fields{"id": size*(round+1) + i, "v": round}
						if i%100 < percent {
							rows[i]["id"] = i
						}
					}
					assert.Empty(t, o.write(rows...))
				}
				known := size * percent / 100
				want := fmt.Sprintf("%d|%d", size+rounds*(size-known), size-known) // rows, and those that nothing replaced
				if mode == "ignore" {
					want = fmt.Sprintf("%d|%d", size+rounds*(size-known), size)
				}
				assert.Equal(t, want, db.value("SELECT count(*), count(*) FILTER (WHERE v = -1) FROM k"))
				if mode == "upsert" {
					assert.Equal(t, fmt.Sprint(known), db.value(fmt.Sprintf("SELECT count(*) FROM k WHERE id < %d AND v = %d", size, rounds-1)))
				}
				assert.Empty(t, o.log.String())
			})
		}
	}
}

func TestKeysOfSeveralColumnsAndKinds(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TYPE colour AS ENUM ('red', 'blue');
		CREATE TABLE k (a text, b int2, c uuid, d colour, v int, PRIMARY KEY (d, a, c, b))`)
	o := db.connected("table: k\nwrite_mode: upsert\nprimary_keys: [ a, b, c, d ]")
	const id = "6b1f5f6e-63d2-4c3c-9a52-5d8f2f0c9c11"
	for round := range 3 {
		rows := []fields{}
		for i := range 40 {
			rows = append(rows, fields{"a": fmt.Sprint("k", i%4), "b": i%3 - 1, "c": id, "d": []string{"red", "blue"}[i%2], "v": round*100 + i})
		}
		assert.Empty(t, o.write(rows...))
	}
	assert.Equal(t, "12|228|239", db.value("SELECT count(*), min(v), max(v) FROM k"))
}

func TestParallelBatchesWithOverlappingKeysNeverDeadlock(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, `CREATE TABLE k (id int8 PRIMARY KEY, v text)`)
			o := db.connected("table: k\nwrite_mode: " + mode + "\nmax_in_flight: 8")
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for w := range 8 {
				wg.Go(func() {
					for round := range 12 {
						rows := make([]fields, 300)
						for i := range rows {
							rows[i] = fields{"id": (i*7919 + w*31 + round*17) % 500, "v": fmt.Sprint(w)}
						}
						if _, err := o.send(ctx, batchOf(rows...)); err != nil {
							errs[w] = err
							return
						}
					}
				})
			}
			wg.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			assert.Equal(t, "500", db.value("SELECT count(*) FROM k"))
			assert.Equal(t, "0", db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
			assert.Empty(t, o.log.String())
		})
	}
}

func TestParallelBatchesOfSeveralSetsOfFieldsComeThrough(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE k (id int8 PRIMARY KEY, v text, w text, x text)`)
	o := db.connected("table: k\nwrite_mode: upsert\nmax_in_flight: 6")
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for w := range 6 {
		wg.Go(func() {
			for round := range 10 {
				rows := make([]fields, 200)
				for i := range rows {
					rows[i] = fields{"id": (i*31 + w*17 + round) % 150, string("vwx"[(i+w)%3]): fmt.Sprint(w)}
				}
				if _, err := o.send(ctx, batchOf(rows...)); err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	require.NoError(t, <-errs)
	assert.Equal(t, "150", db.value("SELECT count(*) FROM k"))
	t.Log("deadlocks:", db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
}
