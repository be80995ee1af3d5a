// Package cells writes a row of nullable cells as one CSV record and reads it
// back. As in PostgreSQL's CSV format, an empty cell without quotes is null and
// "" is the empty string.
package cells

import (
	"errors"
	"fmt"
	"strings"
)

// Append appends a record of the cells to dst, without a line end. A nil cell is
// null.
func Append(dst []byte, cells []*string) []byte {
	for i, cell := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		if cell != nil {
			dst = AppendCell(dst, *cell)
		}
	}
	return dst
}

// AppendCell appends one cell that is not null.
func AppendCell(dst []byte, cell string) []byte {
	if cell != "" && !strings.ContainsAny(cell, ",\"\r\n") {
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

// Cell is a cell of a record that was read.
type Cell struct {
	Text string
	Null bool
}

// Split reads a record into cells, which must have room for exactly the cells of
// the record. Texts are substrings of the record where they need no unquoting.
func Split(record string, cells []Cell) error {
	for i := range cells {
		last := i == len(cells)-1
		var err error
		if strings.HasPrefix(record, `"`) {
			record, err = quoted(record, &cells[i])
		} else {
			end := strings.IndexByte(record, ',')
			if end < 0 {
				end = len(record)
			}
			cells[i] = Cell{Text: record[:end], Null: end == 0}
			record = record[end:]
		}
		switch {
		case err != nil:
			return err
		case last && record == "":
			return nil
		case last:
			return fmt.Errorf("it has more than %d cells", len(cells))
		case record == "":
			return fmt.Errorf("it has %d cells and not %d", i+1, len(cells))
		}
		record = record[1:] // the comma
	}
	return nil
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
