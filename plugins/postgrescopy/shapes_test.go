package postgrescopy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRowsOfThousandsOfSetsOfFieldsAreStaged(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	const columns = 11
	types := []string{"int", "text", "numeric(6,1)", "bool"}
	values := []any{7, "x", 1.5, true}
	for _, how := range []string{"replaced", "isolated"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			schema := "CREATE TABLE s (id int PRIMARY KEY"
			for c := range columns {
				schema += fmt.Sprintf(", c%d %s", columns-c, types[c%len(types)]) // named like those of the staging table
			}
			db := newTestDB(t, schema+", CHECK (id >= 0)); INSERT INTO s (id) SELECT generate_series(0, 99)")
			o := db.connected("table: s\nwrite_mode: upsert")
			var rows []fields
			for i := range 1 << columns {
				row := fields{"id": i}
				for c := range columns {
					if i&(1<<c) != 0 {
						row[fmt.Sprintf("c%d", columns-c)] = values[c%len(values)]
					}
				}
				rows = append(rows, row)
			}
			want := map[int]string{}
			if how == "isolated" {
				for i := 5; i < len(rows); i += 100 {
					rows[i]["id"] = -i
				}
			}
			rejected := o.write(rows...)
			if how == "isolated" {
				for i := 5; i < len(rows); i += 100 {
					want[i] = `new row for relation "s" violates check constraint "s_id_check" (SQLSTATE 23514)`
				}
			}
			assert.Equal(t, want, rejected)
			for c := range columns {
				present := fmt.Sprintf("id & %d <> 0 AND id %% 100 <> 5", 1<<c)
				name := fmt.Sprintf("c%d", columns-c)
				assert.Equal(t, "t", db.value(fmt.Sprintf("SELECT bool_and((%s IS NOT NULL) = (%s)) FROM s WHERE id %% 100 <> 5", name, present)))
				assert.Equal(t, "1", db.value(fmt.Sprintf("SELECT count(DISTINCT %s) FROM s", name)))
			}
			assert.Empty(t, o.log.String())
		})
	}
}
