package watch

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	// checkBytes is how much of a file one time slice compares with what was consumed.
	checkBytes = 32 << 20
	// checkShare is the part of the time, one in so many, that comparing a file again and again may take.
	checkShare = 50
	// slowestByte is the most that comparing a byte counts for: as on a disk of 50 MB/s.
	slowestByte = 20 * time.Nanosecond
	// keepAbove is the size from which the hash of what was consumed is kept while the file is closed: a smaller file is
	// sooner compared than this is due.
	keepAbove = 1 << 20
)

// verified is what is known of whether the bytes that were consumed still stand in the file.
type verified struct {
	state fileid.Stat   // of the file, when they were known to
	since time.Time     // when they were compared last, or began to be read
	cost  time.Duration // how long that took
}

// checking is a comparison under way.
type checking struct {
	*content.Verification
	state fileid.Stat // of the file when it began
	cost  time.Duration
}

// step is what to do before more of a file is read.
type step uint8

const (
	goOn        step = iota // what was consumed stands
	compareTail             // only its last bytes: the file may have been appended to
	compareAll
	waitToCompare // nothing can be appended, and it was compared too shortly before
)

// nextStep decides what to do with a file in this state, of which the bytes before end were consumed. A change that
// cannot be an append is compared byte by byte, and so is one that can, as often as checkShare allows.
func (s *verified) nextStep(end int64, state fileid.Stat, recheck, due bool) step {
	switch {
	case end == 0 || (s.state.SameState(state) && !recheck):
		return goOn
	case due:
		return compareAll
	case state.Size > s.state.Size || state.Size > end:
		return compareTail
	default:
		return waitToCompare
	}
}

// due is when the next comparison may begin.
func (s *verified) due(end int64) time.Time {
	return s.since.Add(checkShare * max(s.cost, time.Duration(end)*time.Nanosecond))
}

// stands finds out whether what was consumed still stands, and makes the reader of rows ready. When it returns false
// without an error, t tells what to wait for. The error is errReplaced when the file has another content.
func (o *opened) verify(t *taken, from *checkpoint, ask asked) (bool, error) {
	if t.st.Size < max(from.consumed(), ask.handed.End) {
		return false, errReplaced
	}
	if o.checking == nil {
		known := o.rows != nil
		do := compareAll
		if known {
			due := !time.Now().Before(o.verified.due(from.check.End)) || from.check.End < ask.handed.End
			do = o.verified.nextStep(max(from.check.End, ask.handed.End), t.st, ask.recheck, due)
		}
		switch do {
		case goOn:
			if from.check.End == 0 {
				o.verified.state = t.st
			}
			return true, nil
		case compareTail:
			holds, err := from.check.TailHolds(o.file)
			if err == nil && !holds {
				err = errReplaced
			}
			return err == nil, err
		case waitToCompare:
			t.wait = time.Until(o.verified.due(from.check.End))
			return false, nil
		case compareAll:
			if err := o.beginCheck(t.st, from, ask.handed); err != nil {
				return false, err
			}
		}
	}
	return o.check(t, from, ask)
}

func (o *opened) beginCheck(state fileid.Stat, from *checkpoint, handed content.Check) error {
	o.checking = &checking{state: state}
	if from.legacy == nil {
		o.checking.Verification = content.Verify(from.check, &handed)
		return nil
	}
	o.checking.Verification = content.Adopt(from.legacy.End)
	holds, err := from.legacy.Holds(o.file)
	if err == nil && !holds {
		err = errReplaced
	}
	return err
}

// check goes on with a comparison.
func (o *opened) check(t *taken, from *checkpoint, ask asked) (bool, error) {
	began := time.Now()
	done, err := o.checking.Step(o.file, checkBytes)
	o.checking.cost += time.Since(began)
	if err != nil {
		o.checking = nil
		return false, fmt.Errorf("comparing with what was read: %w", err)
	}
	if !done {
		t.checking = true
		return false, nil
	}
	c := o.checking
	o.checking = nil
	if !c.Holds() || (ask.atLineEnd && !o.endsLine(from.consumed())) {
		return false, errReplaced
	}
	// On a machine that is busy with other things the time that has passed says little of the cost.
	cost := min(c.cost, time.Duration(from.consumed())*slowestByte)
	o.verified = verified{state: c.state, since: time.Now(), cost: cost}
	if from.legacy != nil {
		from.check, from.legacy = c.Consumed().Check(), nil
		t.end = *from
	}
	if o.rows == nil {
		if err := o.readFrom(c.Consumed(), from.at); err != nil {
			return false, err
		}
	}
	return true, nil
}

// endsLine reports whether a line ends at this place of the file.
func (o *opened) endsLine(end int64) bool {
	if !o.plain || end == 0 {
		return true
	}
	var around [2]byte
	_, err := o.file.ReadAt(around[:], end-1)
	isEnd := func(c byte) bool { return c == '\n' || c == '\r' }
	return (err == nil || errors.Is(err, io.EOF)) && (isEnd(around[0]) || isEnd(around[1]))
}

// readFrom makes a reader of the rows behind at, before which lies what is in hash.
func (o *opened) readFrom(hash *content.Hash, at csvrows.Position) error {
	tracker := content.Track(o.file, hash)
	rows, err := csvrows.Open(tracker, o.path, o.opts, at)
	if err != nil {
		return err
	}
	if o.rows != nil {
		_ = o.rows.Close()
	}
	o.tracker, o.rows = tracker, rows
	return nil
}

// kept is what stays known of a file that is closed.
type kept struct {
	hash     *content.Hash
	verified verified
}

// keep returns what is to be known when the file is opened again to read on from a checkpoint; nil when that is not worth it.
func (o *opened) keep(from *checkpoint) *kept {
	if o.tracker == nil || o.checking != nil || from.check.End < keepAbove {
		return nil
	}
	if hash := o.tracker.Hash(); hash.Check() == from.check {
		return &kept{hash, o.verified}
	}
	return nil
}
