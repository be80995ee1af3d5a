package csvfiles

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCellsThatReadersWouldAlterAreQuoted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cells []string
		want  string
	}{
		{[]string{"a", "b"}, "a,b\n"},
		{[]string{"", ""}, ",\n"},
		{[]string{""}, "\"\"\n"},
		{[]string{"x", "a,b"}, "x,\"a,b\"\n"},
		{[]string{"x", `say "hi"`}, "x,\"say \"\"hi\"\"\"\n"},
		{[]string{"x", "two\nlines"}, "x,\"two\nlines\"\n"},
		{[]string{"x", "cr\rhere"}, "x,\"cr\rhere\"\n"},
		{[]string{"x", " before", "after ", "\ttab"}, "x,\" before\",\"after \",\"\ttab\"\n"},
		{[]string{"#not a comment", "#x"}, "\"#not a comment\",#x\n"},
		{[]string{"\ufeffmark", "\ufeffx"}, "\"\ufeffmark\",\ufeffx\n"},
		{[]string{`\.`, `\.`}, "\"\\.\",\"\\.\"\n"},
		{[]string{"x", "semi;colon", "Ünï"}, "x,semi;colon,Ünï\n"},
		{[]string{"nul\x00", "\xff\xfe"}, "nul\x00,\xff\xfe\n"},
	} {
		assert.Equal(t, c.want, string(newEncoder(',').appendRecord(nil, c.cells)))
	}
	assert.Equal(t, "a;\"b;c\";d,e\n", string(newEncoder(';').appendRecord(nil, []string{"a", "b;c", "d,e"})))
	assert.Equal(t, "a§\"b§c\"§d\n", string(newEncoder('§').appendRecord(nil, []string{"a", "b§c", "d"})))
}

// FuzzWhatIsWrittenIsReadBack splits its input into records, writes them, and
// reads them with encoding/csv, with and without a comment character.
func FuzzWhatIsWrittenIsReadBack(f *testing.F) {
	f.Add("a\x1fb\x1fc\x1fd", 2, uint16(','))
	f.Add("\x1f\x1f", 1, uint16(';'))
	f.Add("\"\x1f\r\n\x1f\r\x1f#\x1f\ufeff\x1f \x1f\\.", 3, uint16('\t'))
	f.Add("\xff\x1f\x00\x1f§", 1, uint16('§'))
	f.Fuzz(func(t *testing.T, text string, width int, delimiter uint16) {
		comma := rune(delimiter)
		if _, err := parseDelimiter(string(comma)); err != nil || !utf8.ValidRune(comma) || comma == 0 {
			t.Skip()
		}
		cells := strings.Split(text, "\x1f")
		if width < 1 || width > len(cells) || len(cells) > 1_000 {
			t.Skip()
		}
		var records [][]string
		for len(cells) >= width {
			records = append(records, cells[:width])
			cells = cells[width:]
		}

		e := newEncoder(comma)
		var file []byte
		for _, record := range records {
			file = e.appendRecord(file, record)
		}
		for _, lenient := range []bool{false, true} {
			r := csv.NewReader(strings.NewReader(string(file)))
			r.Comma = comma
			if lenient && comma != '#' {
				r.Comment = '#'
			}
			for i, want := range records {
				got, err := r.Read()
				require.NoError(t, err, "record %d of %q", i, file)
				for k := range want {
					// encoding/csv reads a CR LF within a cell as an LF.
					require.Equal(t, strings.ReplaceAll(want[k], "\r\n", "\n"), got[k], "record %d of %q", i, file)
				}
				require.Len(t, got, width)
			}
			_, err := r.Read()
			require.True(t, errors.Is(err, io.EOF), "more than was written: %v", err)
		}
	})
}
