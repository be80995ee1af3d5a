package sqltext

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamesAreReadAsInSQL(t *testing.T) {
	t.Parallel()
	good := map[string][]string{
		`events`:          {`"events"`},
		`Events`:          {`"Events"`, `"events"`},
		`shop.Events`:     {`"shop"."Events"`, `"shop"."events"`},
		`"Odd.Name"`:      {`"Odd.Name"`},
		`"a""b"."C"`:      {`"a""b"."C"`},
		`Shop."Events"`:   {`"Shop"."Events"`, `"shop"."Events"`},
		`x"; DROP TABLE`:  {`"x""; DROP TABLE"`, `"x""; drop table"`},
		`with space.also`: {`"with space"."also"`},
	}
	for name, want := range good {
		parsed, err := ParseTableName(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, parsed.Spellings(), name)
	}
	for name, want := range map[string]string{
		``:        `table name "": a part of it is empty`,
		`a.`:      `table name "a.": a part of it is empty`,
		`"a`:      `table name "\"a": a double quote is not closed`,
		`"a"b`:    `table name "\"a\"b": a dot is missing before "b"`,
		`""`:      `table name "\"\"": a part of it is empty`,
		`a.b.c.d`: `table name "a.b.c.d": it has 4 parts: write table or schema.table, and put a name that holds a dot in double quotes`,
	} {
		_, err := ParseTableName(name)
		assert.EqualError(t, err, want)
	}
}
