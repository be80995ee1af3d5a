package csvrows

// resume finds where reading should go on in b[:n], a record that went wrong, with its line end: at a line after the
// first one, if from there on more records make sense than not. To make sense is to be well written and to have as many
// cells as a record should have. 0 means that there is no such line.
//
// It goes through b once. What it gives back holds no record that could lead here again before the last line of b: so
// no byte of a file is given back more often than once, however a file is written.
//
// With last, nothing follows b. Without, the record at the end of b may be cut short.
func (r *Reader) resume(b []byte, n int, last bool) int {
	if r.width < 2 {
		return 0 // any line would make sense
	}
	_, p, found := lineEnd(b, 0, last)
	var first, good, bad int
	for found && p < n {
		if at := r.emptyOrComment(b, p, last); at > p {
			p = at
			continue
		}
		var s scan
		length, next, whole := s.run(b[p:], last, r.syntax, nil)
		_, line, ends := lineEnd(b, p, last) // only as far as the first line of this record
		sense := false
		switch {
		case whole && (s.err == nil || line == p+next):
			sense = s.err == nil && s.cells == r.width && !r.unclosed(&s, b[p:p+length])
		case whole || line < n:
			return 0 // it goes wrong over several lines, and would lead here again
		case !ends:
			next = n - p // the line is cut short: nothing is known of it
		default:
			next = n - p
			sense = s.cells < r.width // the line begins a cell of several lines
		}
		switch {
		case sense:
			good++
			if first == 0 {
				first = p
			}
		case whole || ends:
			bad++
		}
		p += next
	}
	if good <= bad {
		return 0
	}
	return first
}

// unclosed reports whether a scan that came to the end of everything did so between quotes, which lazy quotes allow.
func (r *Reader) unclosed(s *scan, b []byte) bool { return s.state == quoted && s.i == len(b) }

// emptyOrComment returns the end of the line at p if it is empty or a comment, else p.
func (r *Reader) emptyOrComment(b []byte, p int, last bool) int {
	if b[p] != '\n' && b[p] != '\r' && !r.commented(b[p:]) {
		return p
	}
	if _, next, found := lineEnd(b, p, last); found {
		return next
	}
	return len(b)
}

func (r *Reader) commented(line []byte) bool {
	return r.comment != nil && len(line) >= len(r.comment) && string(line[:len(r.comment)]) == string(r.comment)
}

// makesSense reports whether line, without its line end, is a record by itself.
func (r *Reader) makesSense(line []byte) bool {
	if len(line) == 0 || len(line) > r.limit || r.commented(line) {
		return false
	}
	var s scan
	s.run(line, true, r.syntax, nil)
	return s.err == nil && !r.unclosed(&s, line) && (r.width == 0 || s.cells == r.width)
}

// skipping is what is known of a record that is too long to be held, while the line is looked for that makes sense
// after it.
type skipping struct {
	raw     string // the first bytes of the record
	comment bool   // it is a comment, and costs no row
	midLine bool   // the window begins within a line
	ends    bool   // the record ends where this line ends
	looked  int    // so far no line end from the window's position on
}

// tooLong deals with the record at the front of the window, of which more than the limit is there.
func (r *Reader) tooLong(rows []Row) []Row {
	w := &r.win
	r.scanning = false
	r.spans = r.spans[:0]
	b := w.buf[w.pos : w.pos+r.limit]
	if at := r.resume(b, len(b), false); at > 0 {
		raw := string(bounded(trimLineEnd(b[:at])))
		w.pos += at
		return r.addTooLong(rows, raw)
	}
	var s scan
	s.run(b, false, r.syntax, nil)
	r.skip = &skipping{raw: string(bounded(b)), midLine: true, ends: !s.open()}
	line := lastLine(b)
	if line > 0 && s.open() {
		// The lines in sight make no sense; look on from the one that goes on beyond.
		r.skip.midLine = false
		w.pos += line
		return rows
	}
	w.pos += len(b)
	return rows
}

// lastLine returns the start of the last line in b.
func lastLine(b []byte) int {
	i := len(b)
	for i > 0 && b[i-1] != '\n' && b[i-1] != '\r' {
		i--
	}
	return i
}

// skipOn goes on looking for a line that makes sense. When it is found, or the content has ended, the long record
// becomes one row.
func (r *Reader) skipOn(rows []Row, last bool) []Row {
	w, s := &r.win, r.skip
	for {
		b := w.buf[w.pos:w.end]
		if len(b) == 0 && last {
			return r.skipped(rows)
		}
		end, next, found := lineEnd(b, min(s.looked, len(b)), last)
		if !found {
			s.looked = max(len(b)-1, 0) // a CR at the end is looked at again
			if s.midLine || len(b) >= r.limit+maxLineEnd {
				s.midLine = true
				w.pos += s.looked
				s.looked = 0
			}
			return rows
		}
		s.looked = 0
		switch {
		case s.midLine:
			s.midLine = false
			w.pos += next
			if s.ends || s.comment {
				return r.skipped(rows)
			}
		case r.makesSense(b[:end]):
			return r.skipped(rows)
		default:
			w.pos += next
		}
	}
}

// skipped makes the row of the long record, which ends where the window begins.
func (r *Reader) skipped(rows []Row) []Row {
	s := r.skip
	r.skip = nil
	if s.comment {
		r.at.Offset = r.win.offset(r.win.pos)
		return rows
	}
	return r.addTooLong(rows, s.raw)
}

func (r *Reader) addTooLong(rows []Row, raw string) []Row {
	r.at.Row++
	r.at.Offset = r.win.offset(r.win.pos)
	return append(rows, Row{Number: r.at.Row, Raw: raw, End: r.at.Offset, Err: r.tooLongError()})
}
