package csvfiles

import (
	"strings"
	"unicode/utf8"
)

// encoder appends records as RFC 4180 writes them, with a line feed as their
// end. What it wrote, encoding/csv reads back as it was, with any comment
// character, except that encoding/csv takes a CR before an LF in a cell away.
type encoder struct {
	delimiter string
	special   [utf8.RuneSelf]bool // what has to be in quotes, of ASCII
	wide      bool                // the delimiter is not ASCII
}

func newEncoder(delimiter rune) *encoder {
	e := &encoder{delimiter: string(delimiter)}
	e.special['"'], e.special['\r'], e.special['\n'] = true, true, true
	if delimiter < utf8.RuneSelf {
		e.special[delimiter] = true
	} else {
		e.wide = true
	}
	return e
}

// appendRecord appends one record, which has at least one cell.
func (e *encoder) appendRecord(dst []byte, cells []string) []byte {
	if len(cells) == 1 && cells[0] == "" {
		return append(dst, "\"\"\n"...) // an empty line would be no record at all
	}
	for i, cell := range cells {
		if i > 0 {
			dst = append(dst, e.delimiter...)
		}
		if e.needsQuotes(cell, i == 0) {
			dst = appendQuoted(dst, cell)
		} else {
			dst = append(dst, cell...)
		}
	}
	return append(dst, '\n')
}

func (e *encoder) needsQuotes(cell string, first bool) bool {
	if cell == "" {
		return false
	}
	// Readers strip blanks around cells, take a line for a comment by its first
	// character, strip a byte order mark, or take \. for the end of data: none
	// of them does within quotes.
	if cell[0] == ' ' || cell[0] == '\t' || cell[len(cell)-1] == ' ' || cell == `\.` {
		return true
	}
	if first && (!isPlain(cell[0]) || cell[0] >= utf8.RuneSelf) {
		return true
	}
	for i := 0; i < len(cell); i++ {
		if c := cell[i]; c < utf8.RuneSelf && e.special[c] {
			return true
		}
	}
	return e.wide && strings.Contains(cell, e.delimiter)
}

// isPlain says whether a record may begin with it and cannot be a comment.
func isPlain(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_' || c == '.' || c == '+'
}

func appendQuoted(dst []byte, cell string) []byte {
	dst = append(dst, '"')
	for {
		i := strings.IndexByte(cell, '"')
		if i < 0 {
			break
		}
		dst = append(dst, cell[:i+1]...)
		dst = append(dst, '"')
		cell = cell[i+1:]
	}
	dst = append(dst, cell...)
	return append(dst, '"')
}
