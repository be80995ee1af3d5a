package watch

import (
	"errors"
	"io/fs"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// startTimerWorker starts a worker for the timers. The watcher's lock is held.
func (r *reader) startTimerWorker() {
	r.timerWorker = &worker{}
	r.w.done.Add(1)
	go r.w.timerLoop(r.timerWorker)
}

// timerLoop handles timers until another worker has taken over.
func (w *Watcher) timerLoop(k *worker) {
	defer w.done.Done()
	for {
		wait, goOn := w.reader.fireTimers(k)
		if !goOn {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-w.ctx.Done():
			timer.Stop()
			return
		case <-w.timerSet:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// fireTimers handles those that are due, and returns how long it is to the next, unless another worker has taken over.
func (r *reader) fireTimers(k *worker) (wait time.Duration, goOn bool) {
	w := r.w
	for {
		w.mu.Lock()
		if !r.end(k) {
			w.mu.Unlock()
			return 0, false
		}
		now := w.now()
		f, ok := w.timers.Due(now)
		if !ok {
			defer w.mu.Unlock()
			if at, ok := w.timers.Next(); ok {
				return at - now, true
			}
			return time.Hour, true
		}
		if f.set <= now {
			f.set, f.later = f.later, 0
		}
		fire := f.due != 0 && f.due <= now && !f.dead && f.activity == resting
		switch {
		case fire && r.isHung(f):
			fire = false
			f.due = now + r.hungAfter()
			w.scheduleTimer(f)
		case fire:
			f.due = 0
			f.activity = reading
			k.begin(f, now)
		case f.due > now && !f.dead:
			w.scheduleTimer(f)
		}
		w.mu.Unlock()
		if fire {
			r.fire(f)
		}
	}
}

// fire does what the timer of f was set for.
func (r *reader) fire(f *file) {
	w := r.w
	now := w.now()
	w.mu.Lock()
	waited := now-f.changed >= w.opt.Quiet
	path, was := f.path, f.st
	w.mu.Unlock()
	w.beforeRead(path)

	var st fileid.Stat
	var err error
	if f.open != nil {
		st, err = fileid.OfFile(f.open.file)
	} else if st, err = fileid.Of(path); err == nil && (st.ID != was.ID || st.Born != was.Born) {
		err = errElsewhere
	}

	var done *opened
	defer func() { done.Close() }() // without the lock, since it may hang too
	w.mu.Lock()
	defer w.mu.Unlock()
	again := w.endRead(f)
	switch {
	case errors.Is(err, errElsewhere), errors.Is(err, fs.ErrNotExist):
		if again || f.path != path {
			w.ask(f, now)
		} else {
			w.miss(f)
		}
		return
	case err == nil && (st.Size != f.st.Size || st.Modified != f.st.Modified):
		f.st = st
		f.wasWritten(now)
		w.ask(f, now)
		return
	case err == nil && st.Changed != f.st.Changed:
		f.st = st
		w.ask(f, now)
		return
	case again || f.failure == retrying || (f.recheck != 0 && f.recheck <= now):
		w.ask(f, now)
		return
	case waited:
		f.writer = paused
	}
	if !f.isRead() && f.failure != awaitingChange {
		w.ask(f, now)
		return
	}
	if f.writer == paused {
		done = r.detach(f)
	}
	w.rest(f, now)
}
