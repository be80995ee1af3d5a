package csvrows

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// firstLineBytes is how much of the first line is looked at.
const firstLineBytes = 1 << 10

// passMark passes a byte order mark by, and refuses contents that cannot be read as they are.
func (r *Reader) passMark(last bool) error {
	for {
		b := r.win.buf[:r.win.end]
		head := b
		if r.converts {
			head = r.src.head()
		}
		reason, undecided := sniff(head[:min(len(head), headBytes)], r.converts)
		if !last && (undecided || (len(b) < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, b))) {
			if err := r.fill(); err != nil {
				return err
			}
			continue
		}
		if reason != "" {
			return &HeaderError{Reason: reason}
		}
		if bytes.HasPrefix(b, byteOrderMark) {
			r.win.pos = len(byteOrderMark)
		}
		r.stage = atFirstLine
		return nil
	}
}

var byteOrderMark = []byte("\uFEFF")

// passFirstLine looks at the first line: it may be UTF-16, or Excel's line that sets the delimiter.
func (r *Reader) passFirstLine(last bool) error {
	var line []byte
	var next int
	for {
		b := r.win.buf[r.win.pos:r.win.end]
		end, after, found := lineEnd(b, 0, last)
		if found || end >= firstLineBytes {
			line, next = b[:min(end, firstLineBytes)], after
			break
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
	if reason := utf16Reason(line); reason != "" && r.start.Offset == 0 {
		return &HeaderError{Reason: reason}
	}
	if delimiter, is := separatorLine(line); is {
		if delimiter == 0 {
			return &HeaderError{Raw: string(line), Reason: fmt.Sprintf("the first line, %q, has to name one character as the delimiter: correct it, such as to sep=;, or remove it", line)}
		}
		if delimiter == r.opts.Comment {
			return &HeaderError{Raw: string(line), Reason: fmt.Sprintf("the first line sets the delimiter to %q, which is also comment: set another comment", delimiter)}
		}
		r.opts.Delimiter = delimiter
		r.syntax = newSyntax(delimiter, r.opts.LazyQuotes, r.opts.TrimSpace)
		r.win.pos += next
		r.passed = 1
	}
	r.stage = atSkipped
	return nil
}

// separatorLine reads a line such as sep=; that Excel writes, and understands. The delimiter is 0 if the line names none, or
// several characters. With letters or digits behind it, sep= is the name of a column.
func separatorLine(line []byte) (delimiter rune, is bool) {
	if len(line) > 1 && line[0] == '"' && line[len(line)-1] == '"' {
		line = line[1 : len(line)-1]
	}
	if len(line) < len("sep=") || !bytes.EqualFold(line[:4], []byte("sep=")) {
		return 0, false
	}
	named := line[4:]
	delimiter, size := utf8.DecodeRune(named)
	if len(named) > 0 && len(named) == size && separates(delimiter) {
		return delimiter, true
	}
	isName := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
	return 0, bytes.IndexFunc(named, isName) < 0
}

// passSkipped passes the lines of Options.SkipRows by. They are not held in memory.
func (r *Reader) passSkipped(last bool) error {
	for r.passed < r.opts.SkipRows {
		b := r.win.buf[r.win.pos:r.win.end]
		if len(b) == 0 && last {
			return io.EOF
		}
		if _, next, found := lineEnd(b, 0, last); found {
			r.win.pos += next
			r.passed++
			continue
		}
		r.win.pos += max(len(b)-1, 0) // a CR at the end is looked at again
		if err := r.fill(); err != nil {
			return err
		}
	}
	r.at.Offset = r.win.offset(r.win.pos)
	switch {
	case r.opts.ParseHeaderRow:
		r.stage = atHeader
	case r.width == 0 && r.opts.ExpectedFields != AnyFields && r.start.Offset > 0:
		r.stage = atFirst
	default:
		r.stage = atStart
	}
	return nil
}
