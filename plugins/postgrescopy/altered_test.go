package postgrescopy

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
