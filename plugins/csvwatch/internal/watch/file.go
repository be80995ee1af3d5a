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

// mark is a place in a content.
type mark struct {
	at    csvrows.Position
	check content.Check
	// whole tells that at is the end, a last record without line end included, of the file when it had this size and
	// modification time.
	whole    bool
	size     int64
	modified int64
}

// state is where a file is between the queue and the reader.
type state uint8

const (
	resting state = iota // nothing to do until it changes or its alarm comes
	queued               // waiting for its turn
	reading              // in the hands of the reader
)

// file is one content under one identity. When the content is replaced, another file takes its place.
// All fields are under Watcher.mu, except open, which belongs to the reader and tells others only by isOpen.
// There may be very many, so the order of the fields is the one that takes the least memory.
type file struct {
	path  string
	alias string // another path to it, when there is one
	said  string // the last complaint about it
	st    fileid.Stat

	channel positions.Channel
	read    mark
	acked   mark
	line    acks.Line[mark]
	open    *opened
	tally   *tally // while it is being read for the first time

	changed time.Duration // when a change was seen last
	due     time.Duration // of its alarm; 0 for none
	set     time.Duration // the earliest time for which it is among the alarms; 0 for none

	looks    int32 // scans since it is missing
	turns    int32
	attempts int32
	isOpen   atomic.Bool
	state    state
	durable  bool // channel is saved
	seen     bool // found in this run
	dead     bool // replaced or forgotten
	missing  bool // not at its path at the last look
	again    bool // changed while in the hands of the reader
	quiet    bool // has not changed for the quiet time
	moved    bool // arrived finished, by a rename
	finished bool // counted as finished
	logged   bool // the log has its line about a finished file
	refused  bool // a row that stands for the whole of it was handed out
	failed   bool
	more     bool // had names besides path and alias
	sticky   bool // trying again without a change is of no use
}

// remember takes up what is known from an earlier run.
func (w *Watcher) remember(e *positions.Entry) {
	m := mark{
		at:    csvrows.Position{Offset: e.Offset, Row: e.Row},
		check: e.Check, whole: e.Whole, size: e.Size, modified: e.Modified,
	}
	f := &file{path: e.Path, channel: e.Channel, durable: true, read: m, acked: m}
	f.st.ID = e.File
	if other := w.files[e.File]; other != nil {
		// A content was replaced and the process died before the older entry was forgotten. Channels are ordered by
		// the time they were made.
		if other.channel.String() > f.channel.String() {
			f, other = other, f
		}
		w.gone = append(w.gone, other.channel)
	}
	w.files[e.File] = f
	w.lost[f] = struct{}{}
}

// entry is what is kept of f.
func (f *file) entry() positions.Entry {
	m := &f.acked
	return positions.Entry{
		Channel: f.channel, File: f.st.ID, Path: f.path,
		Offset: m.at.Offset, Row: m.at.Row, Check: m.check,
		Whole: m.whole, Size: m.size, Modified: m.modified,
	}
}

// entries are all that is to be kept.
func (w *Watcher) entries() []positions.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	entries := make([]positions.Entry, 0, len(w.files))
	for _, f := range w.files {
		if f.durable {
			entries = append(entries, f.entry())
		}
	}
	return entries
}

// Found implements discover.Sink.
func (w *Watcher) Found(path string, st fileid.Stat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	f := w.files[st.ID]
	if f == nil {
		f = &file{path: path, st: st, changed: now, seen: true, moved: st.Touched()}
		w.files[st.ID] = f
		w.figures.Discovered++
		w.opt.Log.Debugf("Found %s: %d bytes", path, st.Size)
		w.ask(f, now)
		return
	}
	old := f.st
	first, missed := !f.seen, f.missing
	f.st, f.seen = st, true
	if f.path != path && !f.missing && !first {
		// A second link, or a rename of which only one half was seen so far.
		f.more = f.more || (f.alias != "" && f.alias != path)
		f.alias = path
	} else {
		w.put(f, path)
	}
	switch {
	case first:
		f.changed = now
		w.figures.Discovered++
	case old.Size != st.Size || old.Modified != st.Modified:
		f.changed, f.quiet, f.moved, f.sticky = now, false, false, false
	case old.Changed != st.Changed && f.failed:
		// Permissions may have been given back.
	case missed && !f.upToDate():
		// The reader may not have found it.
	default:
		w.considerFinish(f)
		return
	}
	if first && f.upToDate() {
		// It counts as quiet only after the quiet time, since clocks may have changed while nobody looked.
		w.rest(f, now)
		return
	}
	w.ask(f, now)
}

// upToDate tells that f was read to its end as it was seen last.
func (f *file) upToDate() bool {
	return f.read.whole && f.read.size == f.st.Size && f.read.modified == f.st.Modified
}

// Gone implements discover.Sink.
func (w *Watcher) Gone(path string, id fileid.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files[id]
	switch {
	case f == nil:
	case f.alias == path:
		f.alias = ""
	case f.path == path:
		w.miss(f)
	}
}

// put notes where f is. The lock is held.
func (w *Watcher) put(f *file, path string) {
	f.more = f.more || (f.alias != "" && f.alias != path)
	f.missing, f.alias = false, ""
	delete(w.lost, f)
	if f.path != path {
		w.opt.Log.Debugf("%s is now %s", f.path, path)
		f.path = path
		w.touch(f)
	}
}

// miss notes that f is not at its path. The lock is held.
func (w *Watcher) miss(f *file) {
	switch {
	case f.alias != "":
		w.put(f, f.alias)
		if !f.upToDate() {
			w.ask(f, w.now())
		} else {
			w.considerFinish(f)
		}
	case !f.missing:
		f.missing, f.looks = true, 0
		w.lost[f] = struct{}{}
	}
}

// ask sees to it that the reader looks at f. The lock is held.
func (w *Watcher) ask(f *file, now time.Duration) {
	switch f.state {
	case reading:
		f.again = true
		return
	case queued:
		return
	}
	if wait := w.tooYoung(f, now); wait > 0 {
		w.alarm(f, now+wait)
		return
	}
	f.state = queued
	f.due = 0
	if f.isOpen.Load() {
		w.queue.AddMiddle(f)
	} else {
		w.queue.AddNew(f, w.order(f))
	}
	poke(w.arrived)
}

func (w *Watcher) order(f *file) plan.Order {
	o := plan.Order{Turns: int(f.turns), Time: f.st.Modified, Name: f.path}
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

// alarm asks for another look at f. The lock is held.
func (w *Watcher) alarm(f *file, at time.Duration) {
	if f.due != 0 && f.due <= at {
		return
	}
	f.due = at
	w.setAlarm(f)
}

// setAlarm puts f among the alarms, unless it is there for an earlier time: one that grows all the time would be there
// once for each look at it. The lock is held.
func (w *Watcher) setAlarm(f *file) {
	if f.set == 0 || f.due < f.set {
		f.set = f.due
		w.alarms.Set(f, f.due)
		poke(w.alarmed)
	}
}

// touch notes that what is kept of f has changed. The lock is held.
func (w *Watcher) touch(f *file) {
	if f.durable && !f.dead {
		w.dirty[f] = struct{}{}
	}
}

// rest leaves f alone until it changes, or has been quiet. The lock is held.
func (w *Watcher) rest(f *file, now time.Duration) {
	f.state = resting
	if !f.quiet && (f.isOpen.Load() || w.opt.Finish != nil || !f.upToDate()) {
		w.alarm(f, max(now, f.changed+w.opt.Quiet))
	}
	w.considerFinish(f)
}

// considerFinish hands f to the cleaner when everything that must come before is so. The lock is held.
func (w *Watcher) considerFinish(f *file) {
	w.logFinished(f)
	if w.opt.Finish != nil && f.mayFinish() {
		w.finish[f] = struct{}{}
		poke(w.tidy)
	}
}

// mayFinish tells that f is read, done and quiet. The lock is held.
func (f *file) mayFinish() bool {
	if f.dead || f.missing || !f.quiet || f.state != resting || f.failed {
		return false
	}
	return f.acked.whole && f.upToDate() && f.acked.at == f.read.at && f.line.Out() == 0
}

// replace puts a new content in the place of f, whose bytes are no longer those that were read. The lock is held.
func (w *Watcher) replace(f *file, now time.Duration) {
	w.forget(f)
	g := &file{path: f.path, alias: f.alias, more: f.more, st: f.st, changed: now, seen: true, missing: f.missing}
	w.files[g.st.ID] = g
	if g.missing {
		w.lost[g] = struct{}{}
	}
	w.figures.Discovered++
	w.ask(g, now)
}

// forget drops f from everything. The lock is held.
func (w *Watcher) forget(f *file) {
	f.dead = true
	if w.files[f.st.ID] == f {
		delete(w.files, f.st.ID)
	}
	delete(w.dirty, f)
	delete(w.lost, f)
	delete(w.finish, f)
	if f.durable {
		w.gone = append(w.gone, f.channel)
	}
}

// name gives f its channel. The lock is held.
func (f *file) name() {
	if f.channel == (positions.Channel{}) {
		f.channel = uuid.Must(uuid.NewV7())
	}
}

// now is the time since the watch began, which no clock that is set changes. It is never 0.
func (w *Watcher) now() time.Duration { return time.Since(w.began) + 1 }
