package watch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	// sliceBytes ends a turn of a file, however few rows it gave.
	sliceBytes = 4 << 20
	// sliceReads ends a turn of a file of which a long stretch is no rows.
	sliceReads = sliceBytes / csvrows.ReadBytes
	// heldCompared is how much of what was read beyond the last row, whose rest was not there yet, is compared before it is
	// read on.
	heldCompared = 64 << 10
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

// opened is an open file in the middle of being read. It is for the worker that has the file,
// and under Watcher.mu while none has.
type opened struct {
	path  string
	opts  csvrows.Options
	file  *os.File
	plain bool // the offsets of rows are offsets in the file
	from  int64

	headers int64 // skipped ones that are counted

	rows     *csvrows.Reader  // nil while it is not known whether what was consumed still stands
	tracker  *content.Tracker // through which rows reads
	verified verified
	checking *checking // nil when none is under way
}

// open opens the file with this identity at path, to read on from a checkpoint.
func open(path string, is fileid.Stat, opts csvrows.Options, from checkpoint, handed content.Check, known *kept) (*opened, error) {
	f, err := fileid.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := fileid.OfFile(f)
	if err == nil && (st.ID != is.ID || st.Born != is.Born || !st.Mode.IsRegular()) {
		err = errElsewhere
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &opened{path: path, opts: opts, file: f, plain: opts.Plain(path), from: from.at.Offset}
	switch {
	case known != nil:
		o.verified = known.verified
		err = o.readFrom(known.hash.Clone(), from.at)
	case from.consumed() == 0 && handed.End == 0:
		o.verified = verified{state: st, since: time.Now()}
		err = o.readFrom(content.NewHash(), from.at)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return o, nil
}

// mayClose reports whether it would not be a waste to close o at this place and to open it again later. It must have come on
// at all, since what is passed by of a long record that is none is passed by again. And what is not plain is decoded again
// from its start, so it has to have come twice as far: all in all, that wastes no more than there is to decode.
func (o *opened) mayClose(at csvrows.Position) bool {
	if o.plain {
		return at.Offset > o.from
	}
	return at.Offset > 2*o.from
}

// Close closes the file. It does nothing if o is nil.
func (o *opened) Close() {
	if o == nil {
		return
	}
	// Only reading was done: there is nothing that closing could lose.
	if o.rows != nil {
		_ = o.rows.Close()
	}
	_ = o.file.Close()
}

// taken is what one turn of a file gave.
type taken struct {
	rows []csvrows.Row
	end  checkpoint
	// cost is what rows take of Options.MaxBytes.
	cost int64
	// more tells that the turn ended before the content did.
	more bool
	// bad is the error of a bad row, when reading is to stop there: rows and end are those before it.
	bad error
	// st is how the file was before the turn.
	st fileid.Stat
	// checking reports that nothing was read yet because it is being compared with what was consumed.
	checking bool
	// wait is how long to leave the file alone before it is compared; nothing was read.
	wait time.Duration
	// recheck is when to compare the file with what was consumed although it may seem unchanged; zero for never.
	recheck time.Time
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
	// handed is what was handed out in an earlier run, when that is more than was consumed.
	handed content.Check
	// recheck compares the file with what was consumed even if it seems unchanged.
	recheck bool
	// atLineEnd takes the file for the same only if what was consumed ends with a line.
	atLineEnd bool
}

// take reads rows that follow from. What it gives counts even if there is an error; reading goes on from where it ends.
func (o *opened) take(from checkpoint, ask asked) (t taken, err error) {
	t.end = from
	if t.st, err = fileid.OfFile(o.file); err != nil {
		return t, err
	}
	if ready, err := o.verify(&t, &from, ask); !ready {
		return t, err
	}
	before := o.tracker.Hash()
	if !o.tracker.HeldHolds(heldCompared) {
		// The writer of a torn record has taken it back and begun anew.
		if err := o.readFrom(before.Clone(), from.at); err != nil {
			return t, err
		}
	}
	err = o.readRows(&t, ask.most)
	finish := ask.finish && t.st.Size == ask.seen.Size && t.st.Modified == ask.seen.Modified
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
		end = at.Offset
	}
	check, checkErr := o.tracker.Consume(end)
	if checkErr != nil {
		return taken{end: from, st: t.st}, replacedIfShort(checkErr)
	}
	if steady, steadyErr := o.wasSteady(t.st, before, from.check); steadyErr != nil || !steady {
		// It was rewritten meanwhile, so what was read may be of two contents: it is read again, once it is known what
		// still stands.
		if steadyErr == nil {
			steadyErr = o.readFrom(before, from.at)
		}
		return taken{end: from, st: t.st, more: true}, steadyErr
	}
	t.end = checkpoint{at: at, check: check}
	if err == nil && t.bad == nil && !t.more && (finish || (o.plain && at.Offset == t.st.Size)) {
		t.end.whole, t.end.size, t.end.modified, t.end.changed = true, t.st.Size, t.st.Modified, t.st.Changed
	}
	t.recheck = o.recheckTime(t.st, check.End)
	return t, err
}

// wasSteady reports whether the file was the same over all of a turn: in the state st that it had at the beginning, or at
// least with all that was consumed, before the turn (the check consumed, of which before is the hash) and in it. Of a
// large file it is the last bytes before the turn that are compared.
func (o *opened) wasSteady(st fileid.Stat, before *content.Hash, consumed content.Check) (bool, error) {
	now, err := fileid.OfFile(o.file)
	if err != nil || now.SameState(st) {
		return err == nil, err
	}
	if stands, err := o.tracker.Stands(before); err != nil || !stands {
		return false, err
	}
	if consumed.End > keepAbove {
		return consumed.TailHolds(o.file)
	}
	v := content.Verify(consumed, nil)
	_, err = v.Step(o.file, keepAbove)
	return err == nil && v.Holds(), err
}

// recheckTime is when to compare the file with what was consumed, end bytes, although it may seem to be in the state st
// still; zero for never. It is so after an append that was not compared byte by byte, and when the state is so young that
// a change right after it would leave the same times.
func (o *opened) recheckTime(st fileid.Stat, end int64) (at time.Time) {
	now := time.Now()
	if !o.verified.state.SameState(st) {
		at = now
	}
	if grain, age := grainOf(st), now.Sub(time.Unix(0, changeOf(st))); -grain < age && age < grain {
		at = now.Add(grain)
	}
	if due := o.verified.due(end); !at.IsZero() && at.Before(due) {
		return due
	}
	return at
}

// changeOf is when the file was changed last, by the clock of its filesystem if that tells.
func changeOf(st fileid.Stat) int64 {
	if st.Changed != 0 {
		return st.Changed
	}
	return st.Modified
}

// grainOf is how far apart two changes must be to have different times, as far as the times themselves show: a few
// milliseconds for most filesystems, and up to two seconds for those that keep whole seconds.
func grainOf(st fileid.Stat) time.Duration {
	if changeOf(st)%int64(time.Second) == 0 {
		return 2100 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// finish takes a last record without line end too, if all that was read is of a file of this size: it may have grown since
// it was looked at, by the beginning of a record.
func (o *opened) finish(rows []csvrows.Row, size int64) ([]csvrows.Row, error) {
	if o.rows.SourceBytes() > size {
		return rows, csvrows.ErrGrown
	}
	return o.rows.Finish(rows)
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
	for range sliceReads {
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
		if err != nil || len(t.rows) >= most || t.cost >= sliceBytes {
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
