package csvrows

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// prepare reads what comes before the first row to return. io.EOF means that not all of it is there yet.
func (r *Reader) prepare(last bool) error {
	for r.stage != atRows {
		var err error
		switch r.stage {
		case atMark:
			err = r.passMark(last)
		case atFirstLine:
			err = r.passFirstLine(last)
		case atSkipped:
			err = r.passSkipped(last)
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
	names, problem := nameColumns(rows[0].Fields)
	var drift Drift
	if problem == nil {
		drift, problem = checkHeader(names, r.opts)
	}
	if problem != nil {
		problem.Raw = rows[0].Raw
		if strings.IndexByte(rows[0].Raw, 0) < 0 {
			problem.Reason += r.advice(names, rows[0].Raw)
		}
		return problem
	}
	if len(r.opts.ExpectedHeaders) == 0 {
		r.doubt = r.advice(names, rows[0].Raw)
	}
	r.drift, r.columns, r.header, r.width = drift, names, rows[0].Fields, len(names)
	r.stage = atStart
	return nil
}

// readWidth reads again from the start until the first good record, which determines how many cells the others have.
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
