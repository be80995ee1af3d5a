package cells

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// row returns cells of the texts, in which NULL stands for null.
func row(texts ...string) []Cell {
	all := make([]Cell, len(texts))
	for i, text := range texts {
		all[i] = Cell{Text: text}
		if text == "NULL" {
			all[i] = Cell{Null: true}
		}
	}
	return all
}

func TestARowComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, texts := range [][]string{
		{"a", "b"},
		{"NULL", "", "NULL"},
		{""},
		{"NULL"},
		{`say "hi", she said`, "two\nlines", "x"},
		{`"`, `""`, `"a`, `a"`},
		{",", "\r", "é"},
	} {
		cells := row(texts...)
		record := string(Append(nil, cells))
		require.LessOrEqual(t, len(record), Bound(cells))
		got := make([]Cell, len(cells))
		require.NoError(t, Split(record, got), record)
		require.Equal(t, cells, got, record)
		parsed, err := Parse(record, len(cells))
		require.NoError(t, err)
		require.Equal(t, cells, parsed, record)
		require.Equal(t, !strings.ContainsAny(record, "\"\n\r"), IsPlain(record, cells), record)
	}
}

func TestARecordIsPlainCSV(t *testing.T) {
	t.Parallel()
	require.Equal(t, `1,,"","a ""b"", c"`, string(Append(nil, row("1", "NULL", "", `a "b", c`))))
}

func TestOnlyTheRecordOfTheCellsIsTheirs(t *testing.T) {
	t.Parallel()
	require.True(t, IsPlain("1,,x", row("1", "NULL", "x")))
	for record, cells := range map[string][]Cell{
		"1,2":   row("1", "2", "NULL"),
		"1,2,":  row("1", "2"),
		"1,2,3": row("1", "2,3"),
		"1, 2":  row("1", "2"),
		"1,":    row("1", ""),
		`"1",2`: row("1", "2"),
		"12,":   row("1", "NULL"),
		"":      row(),
	} {
		require.False(t, IsPlain(record, cells), record)
	}
}

func TestADamagedRecordIsAnError(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		"a,b,c":  "it has more than 2 cells",
		"a":      "it has 1 cells and not 2",
		`"a,b`:   "a quoted cell does not end where it should",
		`"a"b,c`: "a quoted cell does not end where it should",
		`a,"b""`: "a quoted cell does not end where it should",
	} {
		require.EqualError(t, Split(record, make([]Cell, 2)), want, record)
	}
	_, err := Parse("a,b,c", 2)
	require.EqualError(t, err, "it has more than 2 cells")
	_, err = Parse(`a,"b`, 2)
	require.EqualError(t, err, "a quoted cell does not end where it should")
}

// FuzzAgainstEncodingCSV compares with the standard library, which knows no
// null.
func FuzzAgainstEncodingCSV(f *testing.F) {
	f.Add("a", `b"`, ",\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		texts := []string{a, b, c}
		cells := []Cell{{Text: a}, {Text: b}, {Text: c}}
		record := string(Append(nil, cells))
		got := make([]Cell, 3)
		require.NoError(t, Split(record, got))
		require.Equal(t, cells, got)
		require.Equal(t, !strings.ContainsAny(record, "\"\n\r"), IsPlain(record, cells))
		joined := a + "," + b + "," + c
		require.Equal(t, joined == record, IsPlain(joined, cells))
		if strings.Contains(a+b+c, "\r") {
			return // the library makes \n of \r\n
		}
		read, err := csv.NewReader(strings.NewReader(record)).Read()
		require.NoError(t, err)
		require.Equal(t, texts, read)
	})
}
