package csvfiles

import (
	"strings"
	"unicode/utf8"
)

// encoder appends records in the format of RFC 4180, but ends them with a line
// feed. encoding/csv reads them back unchanged with any comment character, except
// that it drops a CR before an LF within a cell.
type encoder struct {
	delimiter string
	special   [utf8.RuneSelf]bool // the ASCII characters that need quotes
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

// appendRecord appends one record of at least one cell.
func (e *encoder) appendRecord(dst []byte, cells []string) []byte {
	if len(cells) == 1 && cells[0] == "" {
		return append(dst, "\"\"\n"...) // readers skip empty lines
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
	// Without quotes, some readers strip blanks around a cell or a byte order mark,
	// skip a line by its first character as a comment, or stop at \. as the end of
	// the data.
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

// isPlain reports whether no reader takes c for the start of a comment.
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
