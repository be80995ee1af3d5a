package watch

import (
	"errors"
	"io/fs"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
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
	// What is cleaned up must not be read again, whatever happens.
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

// finishFile cleans up one file, after a last look at it.
func (w *Watcher) finishFile(f *file) {
	w.mu.Lock()
	if _, unsaved := w.dirty[f]; unsaved || !f.mayFinish() {
		// It waited for others, and there is more to come before. What was not saved then is saved in the next round.
		w.considerFinish(f)
		w.mu.Unlock()
		return
	}
	path, size, modified, id := f.path, f.read.size, f.read.modified, f.st.ID
	w.mu.Unlock()
	others := fileid.HasOtherNames(path)
	st, err := fileid.Of(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // the scout will see
	case err == nil && (st.ID != id || st.Size != size || st.Modified != modified):
		return // it has changed: the scout will see
	case err == nil:
		err = w.opt.Finish(w.ctx, path)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.ctx.Err() != nil {
		return // the next start makes up for it
	}
	if err != nil {
		w.complain(f, "%s is done but cannot be cleaned up: %v", path, err)
		w.alarmFinish(f)
		return
	}
	w.opt.Log.Debugf("%s is done: %d rows", path, f.acked.at.Row)
	switch {
	case f.dead:
		// Another content took its place: the scout will see.
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

// alarmFinish asks for another try. The lock is held.
func (w *Watcher) alarmFinish(f *file) {
	if !f.dead && f.state == resting {
		f.due = 0
		w.alarm(f, w.now()+finishRetry)
	}
}

// complain says something about f once. The lock is held.
func (w *Watcher) complain(f *file, format string, args ...any) {
	if f.said != format {
		f.said = format
		w.opt.Log.Errorf(format, args...)
	}
}
