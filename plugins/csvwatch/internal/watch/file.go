package watch

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/acks"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/plan"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// mark is a place in a content.
type mark struct {
	at     csvrows.Position
	check  content.Check
	legacy *content.Legacy // in place of check, as an older version saved it
	// whole reports that at is the end, a last record without line end included, of the file when it had this size and
	// these times.
	whole                   bool
	size, modified, changed int64
}

// consumed is how many bytes of the file lie before m, on disk.
func (m *mark) consumed() int64 {
	if m.legacy != nil {
		return m.legacy.End
	}
	return m.check.End
}

// state is where a file is between the queue and the reader.
type state uint8

const (
	resting state = iota // nothing to do until it changes or its alarm comes
	queued               // waiting for its turn
	reading              // in the hands of the reader
)

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

	channel positions.Channel
	read    mark
	acked   mark
	line    acks.Line[mark]
	open    *opened
	tally   *tally        // while it is being read for the first time
	kept    *kept         // what is known of it while it is not open
	handed  content.Check // what was handed out, in an earlier run too
	before  *file         // the lost one that it may go on from; see identity
	heir    *file         // the one that may go on from it

	changed time.Duration // when a change was seen last
	due     time.Duration // of its alarm; 0 for none
	set     time.Duration // the earliest time for which it is among the alarms; 0 for none
	later   time.Duration // another time for which it is, if that is so; 0 otherwise
	// cleanAfter is when it may be tried again to clean it up.
	cleanAfter time.Duration
	recheck    time.Duration // when what was read is compared although nothing seems to have changed; 0 for never

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

	finishing bool // it was about to be cleaned up when the last run ended
	reused    bool // another file has got its inode
	stale     bool // it must be saved before any of its rows goes out
}

// changedUnknown in place of a change time matches no file: whether it has changed since is to be found out.
const changedUnknown = -1

// restore takes up what is known from an earlier run.
func (w *Watcher) restore(e *positions.Entry) {
	m := mark{
		at:    csvrows.Position{Offset: e.Offset, Row: e.Row},
		check: e.Content, legacy: e.Legacy, whole: e.Whole, size: e.Size, modified: e.Modified, changed: e.Changed,
	}
	if m.legacy != nil {
		m.changed = changedUnknown
	}
	f := &file{
		path: e.Path, channel: e.Channel, durable: true, read: m, acked: m, handed: e.Handed,
		finishing: e.Finishing,
	}
	switch {
	case w.isForeign(e):
		f.foreign = e.Layout
	case e.Layout != w.layout:
		f.stale = true // what is handed out from now on is in the present layout
	}
	f.st = fileid.Stat{ID: e.File, Size: e.Size, Modified: e.Modified, Changed: m.changed, Born: e.Born}
	// With another birth time it is another file, whose inode was given again: both are looked for.
	if other := w.files[e.File]; other != nil && other.st.Born == f.st.Born {
		// A content was replaced and the process died before the older entry was forgotten. Channels are ordered by
		// the time they were made.
		if other.channel.String() > f.channel.String() {
			f, other = other, f
		}
		w.forget(other)
	}
	w.known[f] = struct{}{}
	w.files[e.File] = f
	w.lost.add(f)
}

// isForeign reports whether a position has no meaning with the present settings: its offset is in another encoding, or
// rows that were handed out might get the numbers of others.
func (w *Watcher) isForeign(e *positions.Entry) bool {
	switch {
	case e.Layout == "" || e.Layout == w.layout || (e.Offset == 0 && e.Handed.End == 0):
		return false
	case csvrows.EncodingOf(e.Layout) != csvrows.EncodingOf(w.layout):
		return true
	default:
		return e.Handed.End > e.Content.End
	}
}

// entry is what is kept of f.
func (w *Watcher) entry(f *file) positions.Entry {
	m := &f.acked
	e := positions.Entry{
		Channel: f.channel, File: f.st.ID, Born: f.st.Born, Path: f.path, Finishing: f.finishing,
		Size: f.st.Size, Modified: f.st.Modified, Changed: changedUnknown,
		Offset: m.at.Offset, Row: m.at.Row, Layout: w.layout, Content: m.check, Legacy: m.legacy,
	}
	if f.foreign != "" {
		e.Layout = f.foreign
	}
	if m.whole {
		e.Whole, e.Size, e.Modified = true, m.size, m.modified
		if f.recheck == 0 {
			e.Changed = m.changed
		}
	}
	if f.handed.End > m.check.End {
		e.Handed = f.handed
	}
	return e
}

// entries are all that is to be kept.
func (w *Watcher) entries() []positions.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	entries := make([]positions.Entry, 0, len(w.known))
	for f := range w.known {
		if f.durable {
			entries = append(entries, w.entry(f))
		}
	}
	return entries
}

// Found implements discover.Sink.
func (w *Watcher) Found(path string, st fileid.Stat) {
	if finish.IsAside(path) {
		return
	}
	isLink := w.isLink(path, st)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	f := w.identify(path, st, isLink)
	if f == nil {
		w.discover(path, st, now)
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
		w.moveTo(f, path)
	}
	switch {
	case first:
		f.changed = now
		w.figures.Discovered++
		w.endFinishing(f)
	case old.Size != st.Size || old.Modified != st.Modified:
		f.wasWritten(now)
	case old.Changed != st.Changed:
		// It was renamed, permissions were given back, or it was written and its time set back.
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

// wasWritten notes that f was seen to be written. The lock is held.
func (f *file) wasWritten(now time.Duration) {
	f.changed, f.quiet, f.moved, f.sticky = now, false, false, false
}

// upToDate tells that f was read to its end as it was seen last.
func (f *file) upToDate() bool {
	return f.read.whole && f.read.size == f.st.Size && f.read.modified == f.st.Modified && f.read.changed == f.st.Changed
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

// moveTo notes where f is. The lock is held.
func (w *Watcher) moveTo(f *file, path string) {
	f.more = f.more || (f.alias != "" && f.alias != path)
	f.missing, f.alias = false, ""
	w.lost.remove(f)
	if f.recheck != 0 && f.state == resting {
		w.alarm(f, f.recheck)
	}
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
		w.moveTo(f, f.alias)
		if !f.upToDate() {
			w.ask(f, w.now())
		} else {
			w.considerFinish(f)
		}
	case !f.missing:
		f.missing, f.looks = true, 0
		w.lost.add(f)
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
		if f.set != 0 {
			f.later = f.set
		}
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
	w.askHeir(f)
	if f.recheck != 0 && !f.missing {
		w.alarm(f, max(now, f.recheck))
	}
	if !f.quiet && (f.isOpen.Load() || w.opt.Finish != nil || !f.upToDate()) {
		w.alarm(f, max(now, f.changed+w.opt.Quiet))
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

// mayFinish tells that f is read, done and quiet. The lock is held.
func (f *file) mayFinish() bool {
	if f.dead || f.missing || !f.quiet || f.state != resting || f.failed || f.recheck != 0 {
		return false
	}
	return f.acked.whole && f.upToDate() && f.acked.at == f.read.at && f.line.Out() == 0
}

// replace puts a new content in the place of f, whose bytes are no longer those that were read. The lock is held.
func (w *Watcher) replace(f *file, now time.Duration) {
	w.forget(f)
	g := &file{path: f.path, alias: f.alias, more: f.more, st: f.st, changed: now, seen: true, missing: f.missing}
	w.known[g] = struct{}{}
	w.files[g.st.ID] = g
	if g.missing {
		w.lost.add(g)
	}
	w.figures.Discovered++
	w.ask(g, now)
}

// forget drops f from everything. The lock is held.
func (w *Watcher) forget(f *file) {
	f.dead = true
	w.askHeir(f)
	if w.files[f.st.ID] == f {
		delete(w.files, f.st.ID)
	}
	delete(w.known, f)
	delete(w.dirty, f)
	w.lost.remove(f)
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
