package csvrows

import (
	"bytes"
	"encoding/csv"
)

// span is where a cell stands, from the start of its record, without the quotes around it.
type span struct {
	start, end int32
	doubled    bool // a quote within is written twice
}

// syntax is how records are written, in the form that looking at bytes needs.
type syntax struct {
	delimiter []byte
	lazy      bool
	// Which may stand between a quote and its delimiter.
	spaces, tabs bool
	special      [256]bool // bytes at which an unquoted cell may end or go wrong
}

func newSyntax(delimiter rune, lazy, trim bool) *syntax {
	s := &syntax{delimiter: []byte(string(delimiter)), lazy: lazy}
	s.spaces, s.tabs = trim && delimiter != ' ', trim && delimiter != '\t'
	s.special[s.delimiter[0]] = true
	s.special['\n'] = true
	s.special['\r'] = true
	s.special['"'] = !lazy
	return s
}

// isBlank reports whether c may stand between a quote and its delimiter.
func (s *syntax) isBlank(c byte) bool { return (c == ' ' && s.spaces) || (c == '\t' && s.tabs) }

// state is where within a record a scan stands.
type state uint8

const (
	atCell   state = iota // before the first byte of a cell
	leading               // in the blanks before it, which a quote may follow
	unquoted              // within a cell without quotes
	quoted                // between quotes
	behind                // behind a quote that ends the cell, or is the first of two
	trailing              // in the blanks behind a quote that ends the cell
	spoiled               // something was wrong: on the way to the end of the line
)

// scan finds the cells and the end of one record that has quotes. It can be interrupted where the bytes end, and goes
// on there when more have come.
type scan struct {
	state   state
	doubled bool
	i       int   // how far the record was looked at
	cell    int   // where the cell under way begins
	closed  int   // where it ends, if blanks follow its closing quote
	cells   int   // complete ones so far
	keep    int   // how many of them to keep the place of
	err     error // csv.ErrBareQuote or csv.ErrQuote
	errAt   int   // where, from the start of the record
}

// run goes on in b, which begins at the start of the record, and appends the cells' spans. With last, nothing follows
// b. It returns the length of the record without and with its line end; whole is false when more bytes are needed.
func (s *scan) run(b []byte, last bool, syn *syntax, spans *[]span) (length, next int, whole bool) {
	for {
		switch s.state {
		case atCell:
			s.cell, s.state = s.i, leading

		case leading:
			for s.i < len(b) && syn.isBlank(b[s.i]) {
				s.i++
			}
			switch {
			case s.i < len(b) && b[s.i] == '"':
				s.i++
				s.cell, s.doubled, s.state = s.i, false, quoted
			case s.i == len(b) && !last:
				return 0, 0, false
			default:
				s.state = unquoted
			}

		case unquoted:
			for s.i < len(b) && !syn.special[b[s.i]] {
				s.i++
			}
			switch end, length, next := s.boundary(b, last, syn); end {
			case noneYet:
				return 0, 0, false
			case ofCell:
				s.add(spans, s.i)
				s.i, s.state = s.i+len(syn.delimiter), atCell
			case ofRecord:
				s.add(spans, s.i)
				return length, next, true
			default:
				if b[s.i] == '"' && !syn.lazy {
					s.spoil(csv.ErrBareQuote, s.i)
				} else {
					s.i++ // the first byte of the delimiter in another character
				}
			}

		case quoted:
			at := bytes.IndexByte(b[s.i:], '"')
			if at >= 0 {
				s.i += at + 1
				s.state = behind
				continue
			}
			s.i = len(b)
			if !last {
				return 0, 0, false
			}
			if syn.lazy {
				s.add(spans, s.i)
				return s.i, s.i, true
			}
			s.spoil(csv.ErrQuote, s.cell-1)

		case behind:
			if s.i < len(b) && b[s.i] == '"' {
				s.i++
				s.doubled, s.state = true, quoted
				continue
			}
			switch end, length, next := s.boundary(b, last, syn); end {
			case noneYet:
				return 0, 0, false
			case ofCell:
				s.add(spans, s.i-1)
				s.i, s.state = s.i+len(syn.delimiter), atCell
			case ofRecord:
				s.add(spans, s.i-1)
				return length, next, true
			default:
				s.closed = s.i - 1
				switch {
				case syn.isBlank(b[s.i]):
					s.state = trailing
				case syn.lazy:
					s.state = quoted
				default:
					s.spoil(csv.ErrQuote, s.closed)
				}
			}

		case trailing:
			for s.i < len(b) && syn.isBlank(b[s.i]) {
				s.i++
			}
			switch end, length, next := s.boundary(b, last, syn); end {
			case noneYet:
				return 0, 0, false
			case ofCell:
				s.add(spans, s.closed)
				s.i, s.state = s.i+len(syn.delimiter), atCell
			case ofRecord:
				s.add(spans, s.closed)
				return length, next, true
			default:
				if syn.lazy {
					s.state = quoted
				} else {
					s.spoil(csv.ErrQuote, s.closed)
				}
			}

		case spoiled:
			length, next, found := lineEnd(b, s.i, last)
			if !found {
				s.i = max(s.i, len(b)-1) // a CR at the end is looked at again
				return 0, 0, false
			}
			return length, next, true
		}
	}
}

type boundary uint8

const (
	nothing  boundary = iota // another byte
	noneYet                  // it depends on bytes that are not there
	ofCell                   // a delimiter
	ofRecord                 // a line end, or the end of all
)

// boundary returns what stands at s.i, and for the end of the record its length without and with the line end.
func (s *scan) boundary(b []byte, last bool, syn *syntax) (kind boundary, length, next int) {
	rest := b[s.i:]
	if len(rest) == 0 {
		if last {
			return ofRecord, s.i, s.i
		}
		return noneYet, 0, 0
	}
	switch c := rest[0]; {
	case c == '\n':
		return ofRecord, s.i, s.i + 1
	case c == '\r':
		switch {
		case len(rest) > 1 && rest[1] == '\n':
			return ofRecord, s.i, s.i + 2
		case len(rest) > 1 || last:
			return ofRecord, s.i, s.i + 1
		}
		return noneYet, 0, 0
	case c == syn.delimiter[0]:
		if bytes.HasPrefix(rest, syn.delimiter) {
			return ofCell, 0, 0
		}
		if !last && len(rest) < len(syn.delimiter) && bytes.HasPrefix(syn.delimiter, rest) {
			return noneYet, 0, 0
		}
	}
	return nothing, 0, 0
}

func (s *scan) add(spans *[]span, end int) {
	if s.cells < s.keep {
		// doubled is left over from an earlier cell when this one has no quotes.
		*spans = append(*spans, span{start: int32(s.cell), end: int32(end), doubled: s.doubled && s.state != unquoted})
	}
	s.cells++
}

func (s *scan) spoil(err error, at int) {
	s.err, s.errAt, s.state = err, at, spoiled
}

// open reports whether a quote is, or may be, open where an unfinished scan stopped.
func (s *scan) open() bool { return s.state == quoted || s.state == behind || s.state == trailing }

// lineEnd finds the end of the line that b[from] is on: the offset of its line end, and of what follows. Without last,
// a CR at the very end is not one yet, since an LF may follow.
func lineEnd(b []byte, from int, last bool) (end, next int, found bool) {
	i := from
	for i < len(b) && b[i] != '\n' && b[i] != '\r' {
		i++
	}
	switch {
	case i == len(b):
		return i, i, last
	case b[i] == '\n':
		return i, i + 1, true
	case i+1 < len(b) && b[i+1] == '\n':
		return i, i + 2, true
	default:
		return i, i + 1, i+1 < len(b) || last
	}
}
