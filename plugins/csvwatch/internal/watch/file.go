package watch

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/acks"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/plan"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// checkpoint is a place in a content.
type checkpoint struct {
	at     csvrows.Position
	check  content.Check
	legacy *content.Legacy // in place of check, as an older version saved it
	// whole reports that at is the end, a last record without line end included, of the file when it had this size and
	// these times.
	whole                   bool
	size, modified, changed int64
}

// consumed is how many bytes of the file lie before m, on disk.
func (m *checkpoint) consumed() int64 {
	if m.legacy != nil {
		return m.legacy.End
	}
	return m.check.End
}

// file is one content under one identity. When the content is replaced, another file takes its place.
// All fields are under Watcher.mu, except open and kept while it is in the hands of the reader: then they belong to the
// worker that has the file, and others know only isOpen.
// There may be very many, so the order of the fields is the one that takes the least memory.
type file struct {
	path  string
	alias string // another path to it, when there is one
	said  string // the last complaint about it
	// foreign is the layout in which its position is, when that has no meaning with the present settings.
	foreign string
	st      fileid.Stat

	channel     positions.Channel
	read        checkpoint
	acked       checkpoint
	line        acks.Line[checkpoint]
	open        *opened
	tally       *tally        // while it is being read for the first time
	kept        *kept         // what is known of it while it is not open
	handed      content.Check // what was handed out, in an earlier run too
	predecessor *file         // the lost one that it may go on from; see identity
	successor   *file         // the one that may go on from it

	changed time.Duration // when a change was seen last
	due     time.Duration // of its timer; 0 for none
	set     time.Duration // the earliest time for which it is among the timers; 0 for none
	later   time.Duration // another time for which it is, if that is so; 0 otherwise
	// cleanAfter is when it may be tried again to clean it up.
	cleanAfter time.Duration
	recheck    time.Duration // when what was read is compared although nothing seems to have changed; 0 for never

	looks    int32 // scans since it is missing
	slices   int32
	attempts int32
	isOpen   atomic.Bool

	activity activity
	presence presence
	writer   writer
	failure  failure
	saving   saving // of its channel

	seen      bool // found in this run
	dead      bool // replaced or forgotten
	again     bool // changed while a worker has it
	finished  bool // counted as finished
	logged    bool // the log has its line about a finished file
	refused   bool // a row that stands for the whole of it was handed out
	more      bool // had names besides path and alias
	finishing bool // it was about to be cleaned up when the last run ended
}

// ask sees to it that the reader looks at f. The lock is held.
func (w *Watcher) ask(f *file, now time.Duration) {
	switch f.activity {
	case reading:
		f.again = true
		return
	case queued:
		return
	}
	if wait := w.tooYoung(f, now); wait > 0 {
		w.setTimer(f, now+wait)
		return
	}
	f.activity = queued
	f.due = 0
	w.enqueue(f)
}

// enqueue queues f. The lock is held.
func (w *Watcher) enqueue(f *file) {
	if f.isOpen.Load() {
		w.queue.AddMiddle(f)
	} else {
		w.queue.AddNew(f, w.order(f))
	}
	poke(w.arrived)
}

func (w *Watcher) order(f *file) plan.Order {
	o := plan.Order{Turns: int(f.slices), Time: f.st.Modified, Name: f.path}
	if w.opt.ByName {
		o.Time = 0
	}
	return o
}

// tooYoung is how long f must still be left alone because of MinimumAge. A modification time in the future, from a
// clock that went back, counts from when the file was seen.
func (w *Watcher) tooYoung(f *file, now time.Duration) time.Duration {
	if w.opt.MinimumAge <= 0 {
		return 0
	}
	age := max(time.Since(f.st.ModTime()), now-f.changed)
	return w.opt.MinimumAge - age
}

// setTimer asks for another look at f. The lock is held.
func (w *Watcher) setTimer(f *file, at time.Duration) {
	if f.due != 0 && f.due <= at {
		return
	}
	f.due = at
	w.scheduleTimer(f)
}

// scheduleTimer puts f among the timers, unless it is there for an earlier time: one that grows all the time would be there
// once for each look at it. The lock is held.
func (w *Watcher) scheduleTimer(f *file) {
	if f.set == 0 || f.due < f.set {
		if f.set != 0 {
			f.later = f.set
		}
		f.set = f.due
		w.timers.Set(f, f.due)
		poke(w.timerSet)
	}
}

// touch notes that what is kept of f has changed. The lock is held.
func (w *Watcher) touch(f *file) {
	if f.saving != unsaved && !f.dead {
		w.dirty[f] = struct{}{}
	}
}

// endRead notes that f is no longer being read, and reports whether it was asked for
// meanwhile. The lock is held.
func (w *Watcher) endRead(f *file) (again bool) {
	f.activity = resting
	w.askSuccessor(f)
	again = f.again
	f.again = false
	return again
}

// rest leaves f alone until it changes, or has been quiet. The lock is held.
func (w *Watcher) rest(f *file, now time.Duration) {
	f.activity = resting
	w.askSuccessor(f)
	if f.recheck != 0 && !f.isMissing() {
		w.setTimer(f, max(now, f.recheck))
	}
	if f.writer != paused && (f.isOpen.Load() || w.opt.Finish != nil || !f.isRead()) {
		w.setTimer(f, max(now, f.changed+w.opt.Quiet))
	}
	w.considerFinish(f)
}

// considerFinish hands f to the cleaner when everything that must come before is so. The lock is held.
func (w *Watcher) considerFinish(f *file) {
	w.logFinished(f)
	if w.opt.Finish != nil && f.mayFinish() && f.cleanAfter <= w.now() {
		w.finish[f] = struct{}{}
		poke(w.tidy)
	}
}

// mayFinish reports whether f is read, done and quiet. The lock is held.
func (f *file) mayFinish() bool {
	if f.dead || f.isMissing() || f.writer != paused || f.activity != resting || f.failed() || f.recheck != 0 {
		return false
	}
	return f.acked.whole && f.isRead() && f.acked.at == f.read.at && f.line.Out() == 0
}

// replace puts a new content in the place of f, whose bytes are no longer those that were read. The lock is held.
func (w *Watcher) replace(f *file, now time.Duration) {
	if f.dead {
		return // it was cleaned up meanwhile, and another file may have its inode
	}
	w.forget(f)
	g := &file{path: f.path, alias: f.alias, more: f.more, st: f.st, changed: now, seen: true}
	w.known[g] = struct{}{}
	w.files[g.st.ID] = g
	if f.isMissing() {
		g.presence = missing
		w.lost.add(g)
	}
	w.figures.Discovered++
	w.ask(g, now)
}

// forget drops f from everything. The lock is held.
func (w *Watcher) forget(f *file) {
	f.dead = true
	w.askSuccessor(f)
	if w.files[f.st.ID] == f {
		delete(w.files, f.st.ID)
	}
	delete(w.known, f)
	delete(w.dirty, f)
	w.lost.remove(f)
	delete(w.finish, f)
	if f.saving != unsaved {
		w.gone = append(w.gone, f.channel)
	}
}

// name assigns f its channel. The lock is held.
func (f *file) name() {
	if f.channel == (positions.Channel{}) {
		f.channel = uuid.Must(uuid.NewV7())
	}
}

// now is the time since the watch began, which no clock that is set changes. It is never 0.
func (w *Watcher) now() time.Duration { return time.Since(w.began) + 1 }
