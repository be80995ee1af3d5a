package watch

import (
	"fmt"
	"time"
)

// tally is what the log says about a file once it is finished. A file has one from its first time slice in a run until
// that line is logged. Guarded by Watcher.mu.
type tally struct {
	began, ended time.Duration // of its first time slice and of its last acknowledgement
	before       int64         // rows acknowledged in an earlier run
	bad          int64         // bad records
	headers      int64         // repeated headers that were skipped
}

// beginTally begins to count for f. The lock is held.
func (f *file) beginTally(now time.Duration) {
	if f.tally == nil && !f.logged {
		f.tally = &tally{began: now, ended: now, before: f.acked.at.Row}
	}
}

// endTally notes that rows of f were acknowledged. The lock is held.
func (f *file) endTally(now time.Duration) {
	if f.tally != nil {
		f.tally.ended = now
	}
}

// countBad counts a bad record of f. The lock is held.
func (f *file) countBad() {
	if f.tally != nil {
		f.tally.bad++
	}
}

// countHeaders counts the repeated headers that were skipped in f, which is open. The lock is held.
func (w *Watcher) countHeaders(f *file) {
	n := f.open.rows.RepeatedHeaders()
	more := n - f.open.headers
	if more < 0 {
		more = n // it is another reader
	}
	f.open.headers = n
	w.figures.Headers += more
	if f.tally != nil {
		f.tally.headers += more
	}
}

// logFinished logs once that f was read to its end, that all its rows are acknowledged, and that its writer seems to be
// done with it. The lock is held.
func (w *Watcher) logFinished(f *file) {
	t := f.tally
	if t == nil || f.dead || f.failed() || f.activity != resting || !f.writerDone() {
		return
	}
	if !f.acked.whole || !f.isRead() || f.acked.at != f.read.at || f.line.Out() > 0 {
		return
	}
	f.tally, f.logged = nil, true
	rows := counted(f.acked.at.Row-t.before-t.headers, "row")
	if t.before > 0 {
		rows = fmt.Sprintf("%s from row %d on", rows, t.before+1)
	}
	bad := counted(t.bad, "bad record")
	if t.headers > 0 {
		bad += ", " + counted(t.headers, "repeated header") + " skipped"
	}
	w.finished.Infof("Finished %s: %s, %s, %.1f s", f.path, rows, bad, (t.ended - t.began).Seconds())
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
