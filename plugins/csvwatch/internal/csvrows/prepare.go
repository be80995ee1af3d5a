package csvrows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// prepare reads what comes before the first row to return. io.EOF means that not all of it is there yet.
func (r *Reader) prepare(last bool) error {
	for r.stage != atRows {
		var err error
		switch r.stage {
		case atMark:
			err = r.passMark(last)
		case atHeader:
			err = r.readHeader(last)
		case atFirst:
			err = r.readWidth(last)
		case atStart:
			err = r.goToStart(last)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var byteOrderMark = []byte("\uFEFF")

// foreign are the first bytes of contents that cannot be read as they are.
var foreign = []struct {
	begins []byte
	reason string
}{
	{[]byte{0xFF, 0xFE}, "the content begins like UTF-16: set encoding to utf-16"},
	{[]byte{0xFE, 0xFF}, "the content begins like UTF-16: set encoding to utf-16"},
	{[]byte{0x1F, 0x8B}, "the content is compressed with gzip: give the file a name that ends in .gz"},
	{[]byte{0x28, 0xB5, 0x2F, 0xFD}, "the content is compressed with zstd: give the file a name that ends in .zst"},
}

// passMark passes a byte order mark by, and knows contents that cannot be read as they are.
func (r *Reader) passMark(last bool) error {
	for !last && r.undecided(r.win.buf[:r.win.end]) {
		if err := r.fill(); err != nil {
			return err
		}
	}
	b := r.win.buf[:r.win.end]
	if bytes.HasPrefix(b, byteOrderMark) {
		r.win.pos = len(byteOrderMark)
	}
	for _, f := range foreign {
		if !r.converts && bytes.HasPrefix(b, f.begins) {
			return &HeaderError{Reason: f.reason}
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

// undecided tells whether b may yet become one of the beginnings that are known.
func (r *Reader) undecided(b []byte) bool {
	begun := func(mark []byte) bool { return len(b) < len(mark) && bytes.HasPrefix(mark, b) }
	for _, f := range foreign {
		if begun(f.begins) && !r.converts {
			return true
		}
	}
	return begun(byteOrderMark)
}

func (r *Reader) readHeader(last bool) error {
	width := r.width
	r.width = 0
	rows, err := r.body(nil, 1, last)
	r.width = width
	if bad := (*RecordError)(nil); errors.As(err, &bad) {
		return unreadable(bad)
	} else if err != nil {
		return err
	}
	if len(rows) == 0 {
		return io.EOF
	}
	if rows[0].Err != nil {
		problem := unreadable(rows[0].Err)
		problem.Raw = rows[0].Raw
		return problem
	}
	header := rows[0].Fields
	drift, problem := checkHeader(header, r.opts)
	if problem != nil {
		problem.Raw = rows[0].Raw
		return problem
	}
	r.drift, r.columns, r.width = drift, header, len(header)
	r.stage = atStart
	return nil
}

// readWidth reads again from the start until the first good record, which tells how many cells the others have.
func (r *Reader) readWidth(last bool) error {
	for r.width == 0 && r.at.Offset < r.start.Offset {
		rows, err := r.body(nil, 1, last)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return io.EOF
		}
	}
	r.stage = atStart
	return nil
}

// goToStart goes to the position to begin at, unless what had to be read before it ends behind it.
func (r *Reader) goToStart(last bool) error {
	for {
		w := &r.win
		ahead := r.start.Offset - w.offset(w.pos)
		if ahead <= int64(w.end-w.pos) {
			w.pos += int(max(ahead, 0))
			break
		}
		if r.src.seek(r.start.Offset) {
			w.pos = w.end
			w.release()
			w.reset(r.start.Offset)
			break
		}
		w.pos = w.end
		if last {
			return fmt.Errorf("%w: it has %d bytes, not %d", ErrShrunk, w.offset(w.end), r.start.Offset)
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
	r.at = Position{Offset: r.win.offset(r.win.pos), Row: r.start.Row}
	r.stage = atRows
	return nil
}
