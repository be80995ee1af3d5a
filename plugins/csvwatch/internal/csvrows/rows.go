package csvrows

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// makeRows makes rows of r.records: one string holds them all, their cells are parts of it, and one slice holds the cells.
// Then the records are behind the window.
func (r *Reader) makeRows(rows []Row) []Row {
	if len(r.records) > 0 {
		rows = r.makeRecordRows(rows)
		r.records = r.records[:0]
	}
	// A record under way keeps its cells.
	if r.scanning {
		n := copy(r.spans, r.spans[r.scanSpans:])
		r.spans, r.scanSpans = r.spans[:n], 0
	} else {
		r.spans = r.spans[:0]
	}
	r.win.pos = r.behind
	r.at.Offset = r.win.offset(r.behind)
	return rows
}

func (r *Reader) makeRecordRows(rows []Row) []Row {
	buf := r.win.buf
	from := r.records[0].start
	block := buf[from:r.records[len(r.records)-1].end]
	text := string(block)
	allText := r.isText(block)
	cells := make([]string, r.countCells())

	for i := range r.records {
		rec := &r.records[i]
		r.at.Row++
		line := text[rec.start-from : rec.end-from]
		row := Row{Number: r.at.Row, Raw: line, End: r.win.offset(rec.next), Err: rec.err}
		if len(line) > MaxRawBytes {
			row.Raw = bounded(line)
		}
		if row.Err == nil && !allText {
			row.Err = r.textError(line)
		}
		if row.Err == nil {
			var n int
			n, row.Fields = r.fields(cells, line, rec)
			switch {
			case n == r.width:
			case r.width > 0:
				row.Fields, row.Err = nil, r.raggedError(n)
			case r.opts.ExpectedFields != AnyFields:
				r.width = n // the first good record determines it
			}
			cells = cells[len(row.Fields):]
			if r.opts.TrimSpace {
				trim(row.Fields)
			}
			if r.opts.SkipRepeatedHeaders && slices.Equal(row.Fields, r.header) {
				r.repeats++
				continue
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// isText reports whether b can be taken as text without looking at its records one by one.
func (r *Reader) isText(b []byte) bool {
	return utf8.Valid(b) && !(r.converts && bytes.Contains(b, []byte(string(utf8.RuneError))))
}

// countCells returns how many cells the rows of r.records have at most, and notes the number in those without quotes if
// it is not known.
func (r *Reader) countCells() int {
	if r.width > 0 {
		return len(r.records) * r.width
	}
	n := 0
	for i := range r.records {
		rec := &r.records[i]
		if rec.err != nil {
			continue
		}
		if rec.spans == plainRecord {
			rec.cells = bytes.Count(r.win.buf[rec.start:rec.end], r.syntax.delimiter) + 1
		}
		n += rec.cells
	}
	return n
}

// fields splits line into cells and returns their true number and, if it is right, the cells.
func (r *Reader) fields(cells []string, line string, rec *record) (int, []string) {
	width := r.width
	if width == 0 {
		width = rec.cells
	}
	cells = cells[:width:width]
	switch {
	case rec.spans != plainRecord:
		if rec.cells == width {
			r.unquote(cells, line, r.spans[rec.spans:])
		}
		return rec.cells, cells
	case len(r.syntax.delimiter) == 1:
		return split(cells, line, r.win.buf[rec.start:], r.syntax.delimiter[0]), cells
	default:
		return splitRune(cells, line, string(r.syntax.delimiter)), cells
	}
}

func (r *Reader) unquote(cells []string, line string, spans []span) {
	for i := range cells {
		s := spans[i]
		cell := line[s.start:s.end]
		if s.doubled {
			cell = strings.ReplaceAll(cell, `""`, `"`)
		}
		cells[i] = cell
	}
}

func trim(cells []string) {
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
}

// splitRune is split for a delimiter of several bytes.
func splitRune(cells []string, line, delimiter string) int {
	for n := 0; ; n++ {
		at := strings.Index(line, delimiter)
		if at < 0 {
			if n < len(cells) {
				cells[n] = line
			}
			return n + 1
		}
		if n < len(cells) {
			cells[n] = line[:at]
		}
		line = line[at+len(delimiter):]
	}
}

// bounded returns the first MaxRawBytes of raw, without cutting a character in two.
func bounded[T string | []byte](raw T) T {
	if len(raw) <= MaxRawBytes {
		return raw
	}
	n := MaxRawBytes
	for n > MaxRawBytes-utf8.UTFMax+1 && !utf8.RuneStart(raw[n]) {
		n--
	}
	return raw[:n]
}
