package csvrows

import (
	"bytes"
	"math"
)

// record is a whole record in the window, from start to end, with the next one beginning at next.
type record struct {
	start, end, next int
	// A record with quotes has been scanned: its cells are Reader.spans[spans:]. A plain one (-1) is only known to have
	// no quotes.
	spans int
	cells int
	err   error
}

const plainRecord = -1

// stop is why splitRecords found no more.
type stop uint8

const (
	full          stop = iota // it found as many as asked
	needsInput                // the next record is not whole yet
	recordTooLong             // the next record is too long
)

// splitRecords finds up to limit whole records at the front of the window and puts them in r.records. With last, the window ends
// where the content ends. Empty lines and comments are passed by.
func (r *Reader) splitRecords(limit int, last bool) stop {
	w := &r.win
	w.search()
	buf, end, p := w.buf, w.end, w.pos
	why := full

	for len(r.records) < limit {
		if p >= end {
			why = needsInput
			break
		}
		if r.opts.SkipRepeatedHeaders && !r.scanning && buf[p] == byteOrderMark[0] {
			rest := buf[p:end]
			if !last && len(rest) < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, rest) {
				why = needsInput
				break
			}
			if bytes.HasPrefix(rest, byteOrderMark) {
				p += len(byteOrderMark) // of a file that was appended to another
				continue
			}
		}
		line, after, whole := w.line(p, last)
		if r.comment != nil && !r.scanning && bytes.HasPrefix(buf[p:end], r.comment) {
			if whole {
				p = after
				continue
			}
			why = needsInput
			if end-p > r.limit {
				r.skip = &skipping{comment: true, midLine: true}
			}
			break
		}

		if r.scanning || w.nextQuote(p) < line || (r.scanAll && line > p) {
			rec, found := r.splitQuoted(p, last)
			if !found {
				why = r.unfinished(end - p)
				break
			}
			if rec.end-rec.start > r.limit {
				why = recordTooLong
				break
			}
			r.records = append(r.records, rec)
			p = rec.next
			continue
		}

		if !whole {
			why = r.unfinished(end - p)
			break
		}
		if line == p {
			p = after
			continue
		}
		if line-p > r.limit {
			why = recordTooLong
			break
		}
		r.records = append(r.records, record{start: p, end: line, next: after, spans: plainRecord})
		p = after
	}
	r.behind = p
	return why
}

// maxLineEnd is the length of the longest line end, CR and LF.
const maxLineEnd = 2

// unfinished returns what it means that a record has not ended within so many bytes.
func (r *Reader) unfinished(held int) stop {
	if held >= r.limit+maxLineEnd {
		return recordTooLong
	}
	return needsInput
}

// splitQuoted finds the end and the cells of the record at p, which has a quote. If it is not whole yet, the scan goes on
// in the next call.
func (r *Reader) splitQuoted(p int, last bool) (record, bool) {
	end := r.win.end
	// No farther than a record may go, so that a quote that is never closed costs no search over the whole window.
	if end-p > r.limit+maxLineEnd {
		end, last = p+r.limit+maxLineEnd, false
	}
	if !r.scanning {
		if !r.syntax.lazy && len(r.syntax.delimiter) == 1 && !r.scanAll {
			had := len(r.spans)
			if length, next, ok := r.quick(p, end, last); ok {
				return record{start: p, end: p + length, next: p + next, spans: had, cells: len(r.spans) - had}, true
			}
		}
		r.scan, r.scanning, r.scanSpans = scan{keep: r.mostCells()}, true, len(r.spans)
	}
	s := &r.scan
	length, next, whole := s.run(r.win.buf[p:end], last, r.syntax, &r.spans)
	if !whole {
		return record{}, false
	}
	r.scanning = false
	rec := record{start: p, end: p + length, next: p + next, spans: r.scanSpans, cells: s.cells}
	if s.err != nil && length <= r.limit {
		rec.end = rec.start + len(trimLineEnd(r.win.buf[p:rec.end])) // a quote that is never closed
		rec.err = r.quoteError(s.err, s.cells, s.errAt)
		// A quote that was opened by mistake has swallowed the lines up to here: give them back.
		b := r.win.buf[p:end]
		lone := b[next-1] == '\r'
		see := next
		if lone && see < len(b) {
			see++ // the byte that shows that no LF follows
		}
		if at := r.resume(b[:see], next, last && (lone || length == next)); at > 0 {
			rec.next, rec.err = p+at, straySwallows(s.err)
			rec.end = rec.start + len(trimLineEnd(r.win.buf[p:p+at]))
		}
	}
	return rec, true
}

// mostCells is of how many cells of a record it is worth to know where they are.
func (r *Reader) mostCells() int {
	if r.width > 0 {
		return r.width
	}
	return math.MaxInt32
}

// trimLineEnd takes one line end off.
func trimLineEnd(b []byte) []byte {
	b, lf := bytes.CutSuffix(b, []byte{'\n'})
	if cr, ok := bytes.CutSuffix(b, []byte{'\r'}); ok || lf {
		return cr
	}
	return b
}
