// Package cells writes a row of nullable cells as one CSV record and reads it
// back. As in PostgreSQL's CSV format, an empty cell without quotes is null and
// "" is the empty string.
package cells

import (
	"errors"
	"fmt"
	"strings"
)

// Cell is a cell of a row.
type Cell struct {
	Text string
	Null bool
}

// Append appends a record of the cells to dst, without a line end.
func Append(dst []byte, cells []Cell) []byte {
	for i := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !cells[i].Null {
			dst = AppendCell(dst, cells[i].Text)
		}
	}
	return dst
}

// Bound returns how many bytes Append appends at most.
func Bound(cells []Cell) int {
	n := 0
	for i := range cells {
		n += 2*len(cells[i].Text) + len(`"",`)
	}
	return n
}

// AppendCell appends one cell that is not null.
func AppendCell(dst []byte, cell string) []byte {
	if cell != "" && isPlain(cell) && strings.IndexByte(cell, ',') < 0 {
		return append(dst, cell...)
	}
	dst = append(dst, '"')
	for {
		i := strings.IndexByte(cell, '"')
		if i < 0 {
			break
		}
		dst = append(append(dst, cell[:i+1]...), '"')
		cell = cell[i+1:]
	}
	return append(append(dst, cell...), '"')
}

// isPlain reports whether text has neither quotes nor line ends.
func isPlain(text string) bool {
	return strings.IndexByte(text, '"') < 0 && strings.IndexByte(text, '\n') < 0 && strings.IndexByte(text, '\r') < 0
}

// IsPlain reports whether Append writes exactly this record for the cells, and
// without quotes. It is faster than Append.
func IsPlain(record string, cells []Cell) bool {
	if !isPlain(record) || strings.Count(record, ",") != len(cells)-1 {
		return false
	}
	for i := range cells {
		if i > 0 {
			if record == "" || record[0] != ',' {
				return false
			}
			record = record[1:]
		}
		c := &cells[i]
		if c.Null {
			continue
		}
		if c.Text == "" || !strings.HasPrefix(record, c.Text) {
			return false
		}
		record = record[len(c.Text):]
	}
	return record == ""
}

// Split reads a record into cells, which must have room for exactly the cells of
// the record. Texts are substrings of the record where they need no unquoting.
func Split(record string, cells []Cell) error {
	more := true
	for i := range cells {
		if !more {
			return fmt.Errorf("it has %d cells and not %d", i, len(cells))
		}
		var err error
		if record, more, err = next(record, &cells[i]); err != nil {
			return err
		}
	}
	if more {
		return fmt.Errorf("it has more than %d cells", len(cells))
	}
	return nil
}

// Parse returns the cells of a record, of which it may have so many at most.
func Parse(record string, most int) (cells []Cell, err error) {
	for more := true; more; {
		if len(cells) == most {
			return nil, fmt.Errorf("it has more than %d cells", most)
		}
		var c Cell
		if record, more, err = next(record, &c); err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	return cells, nil
}

// next reads the first cell and returns what follows the comma behind it.
func next(record string, cell *Cell) (rest string, more bool, err error) {
	if strings.HasPrefix(record, `"`) {
		if record, err = quoted(record, cell); err != nil {
			return "", false, err
		}
	} else {
		end := strings.IndexByte(record, ',')
		if end < 0 {
			end = len(record)
		}
		*cell = Cell{Text: record[:end], Null: end == 0}
		record = record[end:]
	}
	if record == "" {
		return "", false, nil
	}
	return record[1:], true, nil
}

var errQuote = errors.New("a quoted cell does not end where it should")

// quoted reads the quoted cell that record begins with and returns what follows.
func quoted(record string, cell *Cell) (rest string, err error) {
	body := record[1:]
	end := strings.IndexByte(body, '"')
	if end < 0 {
		return "", errQuote
	}
	if end+1 == len(body) || body[end+1] == ',' {
		*cell = Cell{Text: body[:end]}
		return body[end+1:], nil
	}
	var text strings.Builder
	for {
		text.WriteString(body[:end])
		body = body[end+1:]
		if !strings.HasPrefix(body, `"`) {
			break
		}
		text.WriteByte('"')
		body = body[1:]
		if end = strings.IndexByte(body, '"'); end < 0 {
			return "", errQuote
		}
	}
	if body != "" && body[0] != ',' {
		return "", errQuote
	}
	*cell = Cell{Text: text.String()}
	return body, nil
}
