package watch

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/identity"
)

// A file that cannot be read is tried again after firstRetry, then after twice as long each time, up to longestRetry.
const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = time.Minute
)

// reader is what reading needs. Its workers run at the same time, each with a file of its own. All fields are guarded by
// Watcher.mu.
type reader struct {
	w           *Watcher
	open        map[*file]struct{} // open files, and those that are being opened
	filler      *worker            // reads files; nil when nobody asked for rows
	timerWorker *worker            // handles timers

	stuck   int            // workers that were replaced and have not returned
	hung    map[uint64]int // how many of them, by device
	waiting []*file        // queued files of these devices
}

// fill reads time slices of files until so many rows are ready, or there is nothing more to read for now, or a long part
// of a file has no rows: whoever asked may have something better to do than to wait for it.
func (r *reader) fill(ctx context.Context, k *worker, most int) {
	defer r.endFill(k)
	for r.w.ctx.Err() == nil && ctx.Err() == nil {
		f, room := r.next(k, most)
		if f == nil {
			return
		}
		if noRows := r.readSlice(f, room); noRows {
			poke(r.w.arrived) // there may be more to read, of this file or of others
			return
		}
	}
}

// endFill notes that a worker has ended.
func (r *reader) endFill(k *worker) {
	w := r.w
	defer w.done.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.end(k) {
		r.filler = nil
		close(k.over)
	}
}

// next returns the file whose turn it is and how many rows it may give; nil when there is nothing to do.
func (r *reader) next(k *worker, most int) (f *file, room int) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.stuck {
		return nil, 0
	}
	k.since = 0
	room = min(most-w.readyRows, w.opt.MaxRows-w.rows)
	if !w.started || !w.hasRoom() || room <= 0 {
		return nil, 0
	}
	for {
		f, ok := w.queue.Next(r.hasPlace())
		if !ok {
			return nil, 0
		}
		if f.dead {
			r.closeIdle(f)
			continue
		}
		if r.isHung(f) {
			r.waiting = append(r.waiting, f)
			continue
		}
		f.activity = reading
		now := w.now()
		k.begin(f, now)
		f.beginTally(now)
		return f, room
	}
}

// hasRoom reports whether more may be read before anything is acknowledged. The lock is held.
func (w *Watcher) hasRoom() bool { return w.rows < w.opt.MaxRows && w.bytes < w.opt.MaxBytes }

// readSlice reads up to room rows of f. It reports whether it went through a long part of the file without any.
func (r *reader) readSlice(f *file, room int) (noRows bool) {
	w := r.w
	w.mu.Lock()
	if f.foreign != "" {
		defer w.mu.Unlock()
		w.opt.Log.Warnf("%s was read as %s so far and has more now, to be read as %s, in which its position has no meaning: it is read from its start, as a new content", f.path, f.foreign, w.layout)
		w.replace(f, w.now())
		return false
	}
	p, as := w.predecessor(f)
	if p != nil && p.activity != resting {
		// What can be read of it comes first; then it asks for f.
		f.activity = resting
		if p.successor != f {
			w.setTimer(f, w.now()+firstRetry) // p asks only for the latest of several
		}
		w.mu.Unlock()
		return false
	}
	of := f
	if p != nil {
		of = p
	}
	path, is, from := f.path, f.st, of.read
	a := asked{
		most: room, finish: f.writerDone(), seen: f.st, stopAtBad: w.opt.StopAtBadRow, handed: of.handed,
		recheck: f.recheck != 0 && f.recheck <= w.now(), atLineEnd: as == identity.Extended,
	}
	w.mu.Unlock()
	w.beforeRead(path)
	if f.open == nil {
		if err := r.openFile(f, path, is, from, a.handed); err != nil {
			if errors.Is(err, fs.ErrPermission) && r.letRest(f) {
				return false
			}
			r.fail(f, path, err)
			return false
		}
	}
	t, err := f.open.take(from, a)
	switch {
	case errors.Is(err, errReplaced) && p != nil:
		r.close(f)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.standAlone(f)
		f.activity = resting
		w.ask(f, w.now())
		return false
	case errors.Is(err, errReplaced):
		r.replaced(f)
		return false
	case t.wait > 0 || t.checking:
		r.putOff(f, &t)
		return true
	case p != nil && err == nil:
		if !r.inherit(f, p, &from, as) {
			return false
		}
		f = p
	}
	r.note(f, path, from, &t)
	r.setRecheck(f, &t)
	switch {
	case t.bad != nil:
		r.fail(f, path, stop{t.bad})
	case errors.Is(err, csvrows.ErrGrown):
		r.settle(f, &t, true)
	case err != nil:
		r.fail(f, path, err)
	default:
		r.settle(f, &t, false)
		return t.more && len(t.rows) == 0
	}
	return false
}

// letRest lets f rest, which may not be opened, if it was read to its end and nothing tells that it was written since: its
// permissions may be what has changed. It is compared when it changes again. It reports whether that is so.
func (r *reader) letRest(f *file) bool {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.predecessor != nil || f.again || !f.read.whole || f.read.size != f.st.Size || f.read.modified != f.st.Modified {
		return false
	}
	f.recheck = 0
	w.rest(f, w.now())
	return true
}

// setRecheck notes when f is to be compared although nothing seems to have changed.
func (r *reader) setRecheck(f *file, t *taken) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	f.recheck = 0
	if !t.recheck.IsZero() {
		f.recheck = w.now() + max(1, time.Until(t.recheck))
	}
}

// putOff leaves f, which was not read, to be compared on or later.
func (r *reader) putOff(f *file, t *taken) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endRead(f)
	if t.checking {
		w.ask(f, w.now())
		return
	}
	f.recheck = w.now() + t.wait
	w.setTimer(f, f.recheck)
}

// note takes a turn's result into the books.
func (r *reader) note(f *file, path string, from checkpoint, t *taken) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.end == from {
		return
	}
	if t.end.at == from.at && !t.end.whole {
		if from.legacy != nil && t.end.legacy == nil {
			f.read, f.acked = t.end, t.end // of which nothing is out yet
			w.touch(f)
		}
		return
	}
	f.name()
	f.read = t.end
	f.slices++
	part := f.line.Add(t.end)
	w.countHeaders(f)
	w.figures.Bytes += max(0, t.end.at.Offset-from.at.Offset)
	w.onDisk += max(0, t.end.check.End-from.consumed())
	if len(t.rows) == 0 {
		w.pass(f, part)
		return
	}
	if from.at.Row == 0 {
		w.logDrift(path, f.open.rows.Drift())
		w.logDoubt(path, f.open.rows.Doubt())
	}
	for i := range t.rows {
		if t.rows[i].Err != nil {
			w.figures.BadRows++
			f.countBad()
		}
	}
	w.figures.Rows += int64(len(t.rows))
	w.rows += len(t.rows)
	w.readyRows += len(t.rows)
	w.bytes += t.cost
	w.ready = append(w.ready, &Segment{
		Path: path, Channel: f.channel.String(), Modified: t.st.ModTime(), Appeared: t.st.LastChange(), Columns: f.open.rows.Columns(),
		Rows: t.rows, file: f, part: part, end: t.end.check, bytes: t.cost,
	})
}

// settle puts f where it waits for what comes next.
func (r *reader) settle(f *file, t *taken, grown bool) {
	w := r.w
	var done *opened
	defer func() { done.Close() }() // without the lock, since it may hang too
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if f.failed() {
		f.failure, f.attempts = readable, 0
		if f.said != "" {
			w.opt.Log.Infof("%s is read again", f.path)
		}
	}
	f.said = ""
	again := f.again
	f.again = false
	f.activity = resting
	if grown {
		f.wasWritten(now)
		again = true
	}
	if !t.more && !again {
		if t.st.Size != f.st.Size || t.st.Modified != f.st.Modified {
			f.wasWritten(now)
		}
		f.st = t.st
		if f.isRead() && f.writerDone() {
			done = r.detach(f)
		}
		w.rest(f, now)
		return
	}
	if t.more && !f.isMissing() && w.queue.Middle() >= w.opt.MaxOpen/2 && w.queue.New() > 0 && f.open.mayClose(t.end.at) {
		// Too many are in the middle: this one gives up its place. The other half is for newcomers.
		done = r.detach(f)
	}
	w.ask(f, now)
}

// replaced puts a new content in the place of f.
func (r *reader) replaced(f *file) {
	r.close(f)
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opt.Log.Infof("%s has another content than before: it is read from its start", f.path)
	w.replace(f, w.now())
}
