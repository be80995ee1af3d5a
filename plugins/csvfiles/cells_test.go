package csvfiles

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValuesAreWrittenAsCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		want  string
	}{
		{"text", "text"},
		{"", ""},
		{nil, ""},
		{true, "true"},
		{int64(-12), "-12"},
		{7, "7"},
		{int32(8), "8"},
		{uint32(9), "9"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{19.9, "19.9"},
		{float32(0.1), "0.1"},
		{1e6, "1000000"},
		{123456789.125, "123456789.125"},
		{1e300, "1e+300"},
		{1e-9, "1e-09"},
		{0.0, "0"},
		{json.Number("19.90"), "19.90"},
		{[]byte("bytes\xff"), "bytes\xff"},
		{time.Date(2024, 1, 31, 1, 2, 3, 4500, time.FixedZone("", 3600)), "2024-01-31T01:02:03.0000045+01:00"},
		{map[string]any{"b": 1, "a": "<&>"}, `{"a":"<&>","b":1}`},
		{[]any{"x", nil, 2.5}, `["x",null,2.5]`},
	} {
		got, err := cellText(c.value)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%T", c.value)
	}
	_, err := cellText(map[string]any{"f": func() {}})
	assert.ErrorContains(t, err, "writing a value of type map[string]interface {}: ")
}

func TestRowsAreWrittenByColumns(t *testing.T) {
	t.Parallel()
	table := table{columns: []string{"id", "name"}}
	cells, err := table.record(map[string]any{"name": "x", "id": 1})
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "x"}, cells)

	cells, err = table.record(map[string]any{"name": "x"})
	require.NoError(t, err, "a missing column is empty")
	assert.Equal(t, []string{"", "x"}, cells)

	_, err = table.record(map[string]any{"id": 1, "zip": 2, "age": nil})
	assert.EqualError(t, err, `the row has values that are not in columns: "age", "zip"; add them to columns, delete them in a mapping, or set unknown_fields to ignore`)

	table.ignoreUnknown = true
	cells, err = table.record(map[string]any{"id": 1, "zip": 2, "age": nil})
	require.NoError(t, err)
	assert.Equal(t, []string{"1", ""}, cells)

	_, err = table.record(map[string]any{"id": func() {}})
	assert.ErrorContains(t, err, `column "id": writing a value of type func()`)
}
