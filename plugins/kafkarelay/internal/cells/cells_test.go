package cells

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func pointers(texts ...string) []*string {
	var all []*string
	for i := range texts {
		if texts[i] == "NULL" {
			all = append(all, nil)
			continue
		}
		all = append(all, &texts[i])
	}
	return all
}

func TestARowComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, row := range [][]string{
		{"a", "b"},
		{"NULL", "", "NULL"},
		{""},
		{"NULL"},
		{`say "hi", she said`, "two\nlines", "x"},
		{`"`, `""`, `"a`, `a"`},
		{",", "\r", "é"},
	} {
		record := string(Append(nil, pointers(row...)))
		got := make([]Cell, len(row))
		require.NoError(t, Split(record, got), record)
		for i, text := range row {
			want := Cell{Text: text}
			if text == "NULL" {
				want = Cell{Null: true}
			}
			require.Equal(t, want, got[i], record)
		}
	}
}

func TestARecordIsPlainCSV(t *testing.T) {
	t.Parallel()
	require.Equal(t, `1,,"","a ""b"", c"`, string(Append(nil, pointers("1", "NULL", "", `a "b", c`))))
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
}

// FuzzAgainstEncodingCSV compares with the standard library, which knows no
// null.
func FuzzAgainstEncodingCSV(f *testing.F) {
	f.Add("a", `b"`, ",\n")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		row := []string{a, b, c}
		record := string(Append(nil, []*string{&a, &b, &c}))
		got := make([]Cell, 3)
		require.NoError(t, Split(record, got))
		for i := range row {
			require.Equal(t, Cell{Text: row[i]}, got[i])
		}
		if strings.Contains(a+b+c, "\r") {
			return // the library makes \n of \r\n
		}
		read, err := csv.NewReader(strings.NewReader(record)).Read()
		require.NoError(t, err)
		require.Equal(t, row, read)
	})
}
