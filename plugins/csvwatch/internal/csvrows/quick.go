package csvrows

import (
	"encoding/binary"
	"math/bits"
)

const (
	eachByte = 0x0101010101010101
	lowBits  = 0x7f * eachByte
)

// hits has the high bit of each of the eight bytes of b that are as in pattern (a byte times eachByte), and no other.
func hits(b []byte, pattern uint64) uint64 {
	x := binary.LittleEndian.Uint64(b) ^ pattern
	return ^((x&lowBits + lowBits) | x | lowBits)
}

// first returns the number of the first byte that was hit.
func first(hits uint64) int { return bits.TrailingZeros64(hits) >> 3 }

// split splits line at each delimiter and returns the number of cells, of which as many as fit are in cells. b begins with
// the bytes of line and has at least padBytes more.
func split(cells []string, line string, b []byte, delimiter byte) int {
	pattern := uint64(delimiter) * eachByte
	n, start := 0, 0
	for i := 0; i < len(line); i += 8 {
		for found := hits(b[i:], pattern); found != 0; found &= found - 1 {
			at := i + first(found)
			if at >= len(line) {
				break
			}
			if n < len(cells) {
				cells[n] = line[start:at]
			}
			n++
			start = at + 1
		}
	}
	if n < len(cells) {
		cells[n] = line[start:]
	}
	return n + 1
}

// quick does what scan.run does for the record at p, if it is whole and written as most are, with a delimiter of one byte
// and without lazy quotes. At anything else, also at too many cells, it gives up, and scan.run is to look at the record.
// The line at p has a quote; end is as far as the record may go.
func (r *Reader) quick(p, end int, last bool) (length, next int, ok bool) {
	w := &r.win
	buf, spans, was := w.buf, r.spans, w.marks
	delimiter := r.syntax.delimiter[0]
	most := len(spans) + r.mostCells()
	line, next, whole := w.line(p, last)
	for i := p; whole && len(spans) < most; i++ {
		if i == line || buf[i] != '"' { // behind the end of all is what was there before
			// Up to the next quote the line is like any other.
			quote := w.nextQuote(i)
			spans, i = addSpans(spans, most, buf, p, i, min(quote, line), delimiter)
			if len(spans) == most {
				break
			}
			if quote >= line {
				spans = append(spans, span{start: int32(i - p), end: int32(line - p)})
				i = line
			} else if quote != i {
				break
			}
		}
		if i < line {
			at, doubled := closing(buf, i+1, end)
			if at < 0 {
				break
			}
			spans = append(spans, span{start: int32(i + 1 - p), end: int32(at - p), doubled: doubled})
			if i = at + 1; i > line { // the line's end is in the cell
				line, next, whole = w.line(i, last)
			}
		}
		if i == line && whole {
			if line-p > r.limit {
				break // lines in it are given back, and the marks are beyond their ends
			}
			r.spans = spans
			return line - p, next - p, true
		}
		if buf[i] != delimiter {
			break
		}
	}
	w.marks = was
	return 0, 0, false
}

// addSpans adds the cells of the record at p that end in buf[i:stop] with a delimiter, until there are most spans, and returns
// the start of the next cell.
func addSpans(spans []span, most int, buf []byte, p, i, stop int, delimiter byte) ([]span, int) {
	pattern := uint64(delimiter) * eachByte
	for j := i; j < stop; j += 8 {
		for found := hits(buf[j:], pattern); found != 0; found &= found - 1 {
			at := j + first(found)
			if at >= stop || len(spans) == most {
				return spans, i
			}
			spans = append(spans, span{start: int32(i - p), end: int32(at - p)})
			i = at + 1
		}
	}
	return spans, i
}

// closing finds the quote that closes the cell at i, and reports whether quotes within are written twice. It is -1 unless that
// quote and what follows it are in buf[:end].
func closing(buf []byte, i, end int) (at int, doubled bool) {
	for i < end {
		found := hits(buf[i:], eachByte*'"')
		if found == 0 {
			i += 8
			continue
		}
		switch i += first(found); {
		case i+1 >= end:
			return -1, doubled
		case buf[i+1] != '"':
			return i, doubled
		}
		doubled = true
		i += 2
	}
	return -1, doubled
}
