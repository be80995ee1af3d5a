package watch

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	// turnBytes ends a turn of a file, however few rows it gave.
	turnBytes = 4 << 20
	// turnReads ends a turn of a file of which a long stretch is no rows.
	turnReads = turnBytes / csvrows.ReadBytes
	// cellBytes is what a cell costs besides its content while its row is not done: its place in the row, and in the
	// message.
	cellBytes = 64
)

var (
	// errReplaced tells that the bytes that were read are no longer those of the file.
	errReplaced = errors.New("the content was replaced")
	// errElsewhere tells that the path leads to another file by now.
	errElsewhere = errors.New("another file has taken the name")
)

// opened is an open file in the middle of being read. It is for one goroutine at a time.
type opened struct {
	path  string
	opts  csvrows.Options
	file  *os.File
	rows  *csvrows.Reader
	plain bool // the offsets of rows are offsets in the file
	from  int64
	ahead ahead

	headers int64 // skipped ones that are counted
}

// open opens the file with this identity at path, to read on from at.
func open(path string, id fileid.ID, opts csvrows.Options, at csvrows.Position) (*opened, error) {
	f, err := fileid.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := fileid.OfFile(f)
	if err == nil && (st.ID != id || !st.Mode.IsRegular()) {
		err = errElsewhere
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &opened{path: path, opts: opts, file: f, plain: opts.Plain(path), from: at.Offset}
	if o.rows, err = csvrows.Open(f, path, opts, at); err != nil {
		f.Close()
		return nil, err
	}
	return o, nil
}

// mayClose tells that it would not be a waste to close o at this place and to open it again later. It must have come on
// at all, since what is passed by of a long record that is none is passed by again. And what is not plain is decoded again
// from its start, so it has to have come twice as far: all in all, that wastes no more than there is to decode.
func (o *opened) mayClose(at csvrows.Position) bool {
	if o.plain {
		return at.Offset > o.from
	}
	return at.Offset > 2*o.from
}

func (o *opened) Close() {
	// Only reading was done: there is nothing that closing could lose.
	_ = o.rows.Close()
	_ = o.file.Close()
}

// taken is what one turn of a file gave.
type taken struct {
	rows []csvrows.Row
	end  mark
	// cost is what rows take of Options.MaxBytes.
	cost int64
	// more tells that the turn ended before the content did.
	more bool
	// bad is the error of a bad row, when reading is to stop there: rows and end are those before it.
	bad error
	// st is how the file was before the turn.
	st fileid.Stat
}

// asked is what a turn is to give.
type asked struct {
	// most is how many rows.
	most int
	// finish takes a last record without line end too, provided that the file is still as it was seen.
	finish bool
	seen   fileid.Stat
	// stopAtBad gives only the rows before the first bad one.
	stopAtBad bool
}

// take reads rows that follow from. What it gives counts even if there is an error; reading goes on from where it ends.
func (o *opened) take(from mark, ask asked) (t taken, err error) {
	t.end = from
	if t.st, err = fileid.OfFile(o.file); err != nil {
		return t, err
	}
	finish := ask.finish && t.st.Size == ask.seen.Size && t.st.Modified == ask.seen.Modified
	if from.check == (content.Check{}) {
		// The beginning is remembered before it is read, so that a replacement during the turn shows.
		if from.check, err = content.Take(o.file, min(t.st.Size, content.Window)); err != nil {
			return t, replacedIfShort(err)
		}
		from.check = from.check.Beginning()
	}
	if o.plain && t.st.Size < from.at.Offset {
		return t, errReplaced
	}
	if err := o.dropChanged(from.at); err != nil {
		return t, err
	}
	err = o.readRows(&t, ask.most)
	if err == nil && !t.more && finish {
		t.rows, err = o.finish(t.rows, t.st.Size)
	}
	if errors.Is(err, csvrows.ErrShrunk) {
		return taken{end: from, st: t.st}, errReplaced
	}
	at := o.rows.Position()
	end := max(o.rows.SourceBytes(), from.check.End)
	if ask.stopAtBad {
		at = t.cutAtBadRow(from.at, at)
	}
	// Where the last row ends in a file that is not plain is not known. Its check reaches over all that was read, since one
	// that ended before that row does would miss an edit of it.
	if o.plain {
		o.ahead.remember(o.file, at.Offset, end, t.more)
		end = at.Offset
	}
	check, checkErr := content.Take(o.file, end)
	if checkErr != nil {
		return taken{end: from, st: t.st}, replacedIfShort(checkErr)
	}
	// This check comes after everything else: as long as the old bytes stand, what was read behind them is theirs.
	holds, checkErr := from.check.Holds(o.file)
	if checkErr == nil && !holds {
		checkErr = errReplaced
	}
	if checkErr != nil {
		return taken{end: from, st: t.st}, checkErr
	}
	t.end = mark{at: at, check: check}
	if err == nil && t.bad == nil && !t.more && (finish || (o.plain && at.Offset == t.st.Size)) {
		t.end.whole, t.end.size, t.end.modified = true, t.st.Size, t.st.Modified
	}
	return t, err
}

// finish takes a last record without line end too, if all that was read is of a file of this size: it may have grown since
// it was looked at, by the beginning of a record.
func (o *opened) finish(rows []csvrows.Row, size int64) ([]csvrows.Row, error) {
	if o.rows.SourceBytes() > size {
		return rows, csvrows.ErrGrown
	}
	return o.rows.Finish(rows)
}

// dropChanged makes what the reader of rows holds beyond at be read again if it is no longer what the file has there:
// the writer of a torn record may have taken it back and begun anew.
func (o *opened) dropChanged(at csvrows.Position) error {
	if o.ahead.holds(o.file) {
		return nil
	}
	rows, err := csvrows.Open(o.file, o.path, o.opts, at)
	if err != nil {
		return err
	}
	_ = o.rows.Close()
	o.rows, o.ahead = rows, ahead{}
	return nil
}

// readRows reads until the end, most rows, or enough for a turn.
func (o *opened) readRows(t *taken, most int) error {
	start := o.rows.Position().Offset
	if o.plain {
		// Rows are seldom shorter than this; a few more than needed cost less than to grow.
		t.rows = make([]csvrows.Row, 0, min(int64(most), max(0, t.st.Size-start)/32+1))
	}
	t.more = true
	cells := int64(0)
	for range turnReads {
		had := len(t.rows)
		var err error
		t.rows, err = o.rows.Read(t.rows, most-had)
		for i := range t.rows[had:] {
			cells += int64(len(t.rows[had+i].Fields))
		}
		t.cost = o.rows.Position().Offset - start + cells*cellBytes
		if errors.Is(err, io.EOF) {
			t.more = false
			return nil
		}
		if err != nil || len(t.rows) >= most || t.cost >= turnBytes {
			return err
		}
	}
	return nil
}

// cutAtBadRow leaves off the first bad row and all that follows, and gives the place before it; end if there is none.
func (t *taken) cutAtBadRow(from, end csvrows.Position) csvrows.Position {
	for i := range t.rows {
		row := &t.rows[i]
		if row.Err == nil {
			from = csvrows.Position{Offset: row.End, Row: row.Number}
			continue
		}
		t.bad = fmt.Errorf("row %d: %w", row.Number, row.Err)
		t.rows = t.rows[:i]
		return from
	}
	return end
}

func replacedIfShort(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errReplaced
	}
	return fmt.Errorf("checking what was read: %w", err)
}
