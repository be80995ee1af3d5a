package watch

import (
	"cmp"
	"errors"
	"io/fs"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
)

// finishRetry is how long a file that could not be cleaned up is left alone.
const finishRetry = 10 * time.Second

// clean cleans up finished files. To move a large one to another filesystem takes long, and nothing else is to wait.
func (w *Watcher) clean() {
	defer w.done.Done()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.tidy:
			w.finishFiles()
		}
	}
}

// finishFiles cleans up the files that are done.
func (w *Watcher) finishFiles() {
	w.mu.Lock()
	files := make([]*file, 0, len(w.finish))
	for f := range w.finish {
		files = append(files, f)
	}
	w.finish = map[*file]struct{}{}
	w.mu.Unlock()
	if len(files) == 0 {
		return
	}
	// What is cleaned up must not be read again, and what has its inode afterwards must be, whatever happens.
	w.mu.Lock()
	for _, f := range files {
		f.finishing = true
		w.touch(f)
	}
	w.mu.Unlock()
	if err := w.save(w.ctx); err != nil {
		if w.ctx.Err() != nil {
			return // Close saves once more, and reports it if that fails too
		}
		w.troubles.say(w.opt.Log, "save", "%v: finished files stay until it works", err)
		w.mu.Lock()
		for _, f := range files {
			w.alarmFinish(f)
		}
		w.mu.Unlock()
		return
	}
	for _, f := range files {
		if w.ctx.Err() == nil {
			w.finishFile(f)
		}
	}
}

// finishFile cleans up one file. It is taken aside before the last look at it: before that, another one may get its name at
// any moment.
func (w *Watcher) finishFile(f *file) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.endFinishing(f)
	if _, unsaved := w.dirty[f]; unsaved || !f.mayFinish() || f.cleanAfter > w.now() {
		// It waited for others, and there is more to come before. What was not saved then is saved in the next round.
		w.considerFinish(f)
		return
	}
	path, is := f.path, f.st
	aside := finish.Aside(path, f.channel.String())
	w.mu.Unlock()
	others, err := w.finishAside(path, aside, is)
	w.mu.Lock()
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, finish.ErrOther):
		return // the scanner will see
	case err != nil && w.ctx.Err() != nil:
		return // the next start makes up for it
	case err != nil:
		w.complain(f, "%s is done but cannot be cleaned up: %v", path, err)
		w.alarmFinish(f)
		return
	}
	w.opt.Log.Debugf("%s is done: %d rows", path, f.acked.at.Row)
	switch {
	case f.dead:
		// Another content took its place: the scanner will see.
	case !others:
		w.forget(f)
	case f.path == path:
		// Under its other names, or where the link led, it is the same file and not to be read again: it is forgotten
		// when none of them is found.
		w.miss(f)
	}
	if f.dead || f.missing {
		w.figures.Cleaned++
	}
}

// finishAside takes a file aside and finishes it; it reports whether the file has other names. If it cannot be finished it
// is put back.
func (w *Watcher) finishAside(path, aside string, is fileid.Stat) (others bool, err error) {
	if st, err := fileid.Of(path); err != nil || !isLeftAlone(st, is) {
		return false, cmp.Or(err, finish.ErrOther) // no need to touch it
	}
	if w.opt.beforeAside != nil {
		w.opt.beforeAside(path)
	}
	if err := finish.TakeAside(path, aside, func(st fileid.Stat) bool { return isLeftAlone(st, is) }); err != nil {
		return false, err
	}
	others = fileid.HasOtherNames(aside)
	if err = w.opt.Finish(w.ctx, aside, path); err != nil {
		err = errors.Join(err, w.putBack(aside, path, is.ID))
	}
	return others, err
}

// isLeftAlone reports whether a file is the one that was seen, and was not written since. Its change time is that of the
// rename.
func isLeftAlone(st, seen fileid.Stat) bool {
	return st.ID == seen.ID && st.Born == seen.Born && st.Size == seen.Size && st.Modified == seen.Modified
}

// putBack restores the name of a file that was taken aside. That it was renamed meanwhile is no reason to look at it.
func (w *Watcher) putBack(aside, path string, id fileid.ID) error {
	w.mu.Lock() // so that the scanner sees it only when this is noted
	defer w.mu.Unlock()
	to, err := finish.PutBack(aside, path)
	if err != nil {
		return err
	}
	st, err := fileid.Of(to)
	if f := w.files[id]; err == nil && f != nil {
		f.wasRenamed(st)
		w.touch(f)
	}
	return err
}

// wasRenamed notes the change time that a rename of our own gave to f. The lock is held.
func (f *file) wasRenamed(st fileid.Stat) {
	if !isLeftAlone(st, f.st) {
		return
	}
	for _, changed := range []*int64{&f.st.Changed, &f.read.changed, &f.acked.changed} {
		*changed = st.Changed
	}
}

// endFinishing notes that f is no longer about to be cleaned up. The lock is held.
func (w *Watcher) endFinishing(f *file) {
	if f.finishing && w.ctx.Err() == nil {
		f.finishing = false
		w.touch(f)
	}
}

// recoverAside puts back the files that the last run had taken aside when it was killed.
func (w *Watcher) recoverAside() {
	for f := range w.known {
		if !f.finishing {
			continue
		}
		aside := finish.Aside(f.path, f.channel.String())
		st, err := fileid.Of(aside)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if _, backErr := finish.PutBack(aside, f.path); backErr != nil {
			w.opt.Log.Errorf("%v: it was taken aside to be cleaned up, and lies at %s", backErr, aside)
			continue
		}
		was := f.st
		was.ID.Dev = st.ID.Dev // which another mount may have changed
		if now, err := fileid.Of(f.path); err == nil && isLeftAlone(now, was) {
			w.opt.Log.Infof("%s is there again: it was taken aside to be cleaned up when the last run ended", f.path)
			f.st.Changed, f.read.changed, f.acked.changed = now.Changed, now.Changed, now.Changed
		}
	}
}

// alarmFinish asks for another try. The lock is held.
func (w *Watcher) alarmFinish(f *file) {
	f.cleanAfter = w.now() + cmp.Or(w.opt.cleanRetry, finishRetry)
	if !f.dead && f.state == resting {
		f.due = 0
		w.alarm(f, f.cleanAfter)
	}
}

// complain says something about f once. The lock is held.
func (w *Watcher) complain(f *file, format string, args ...any) {
	if f.said != format {
		f.said = format
		w.opt.Log.Errorf(format, args...)
	}
}
