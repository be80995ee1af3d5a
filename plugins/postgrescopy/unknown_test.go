package postgrescopy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnknownFieldsAreCollected(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE u (id int PRIMARY KEY, rest jsonb, name text, n int GENERATED ALWAYS AS (1) STORED)`)
	o := db.connected("table: u\nwrite_mode: upsert\nunknown_fields: collect\nunknown_fields_column: rest")
	require.Empty(t, o.write(
		fields{"id": 1, "name": "a", "n": 5},
		fields{"id": 2, "name": "b", "coupon": "X", "tags": []any{"y", 3}},
		fields{"id": 3, "coupon": nil, "rest": "its own"},
	))
	require.Empty(t, o.write(fields{"id": 4, "coupon": "Z"}))
	assert.Equal(t, []string{
		`1||a`, `2|{"tags": ["y", 3], "coupon": "X"}|b`, `3|{"rest": "its own", "coupon": null}|`, `4|{"coupon": "Z"}|`,
	}, db.rows("SELECT id, rest, name FROM u ORDER BY id"))
	assert.Equal(t, 1, strings.Count(o.log.String(), "coupon"), "it is logged once: %s", o.log)
}

func TestACollectedFieldMovesToItsNewColumn(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE u (id int PRIMARY KEY, extra jsonb)`)
	o := db.connected("table: u\nunknown_fields: collect")
	db.exec("ALTER TABLE u ADD COLUMN coupon text")
	require.Empty(t, o.write(fields{"id": 1, "coupon": "X", "other": 1}))
	assert.Equal(t, []string{`1|{"other": 1}|X`}, db.rows("SELECT * FROM u"))
}

func TestAWrongCollectingColumnIsNamed(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE u (id int, rest text)`)
	for column, message := range map[string]string{
		"extra": `table "public"."u" has no column "extra" for unknown fields: add it (ALTER TABLE "public"."u" ADD COLUMN "extra" jsonb), or correct ` + "`unknown_fields_column`",
		"rest":  `column "rest" of "public"."u" is to take unknown fields, and must be jsonb: it is text`,
	} {
		o := newTestOutput(t, db.dsn, "table: u\nunknown_fields: collect\nunknown_fields_column: "+column)
		require.ErrorContains(t, o.Connect(t.Context()), message)
	}
}
