package watch

import (
	"errors"
	"io/fs"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// finishRetry is how long a file that could not be cleaned up is left alone.
const finishRetry = 10 * time.Second

// finishFile cleans up one file, after a last look at it.
func (w *Watcher) finishFile(f *file) {
	w.mu.Lock()
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
		err = w.opt.Finish(path)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.complain(f, "%s is done but cannot be cleaned up: %v", path, err)
		w.alarmFinish(f)
		return
	}
	w.opt.Log.Debugf("%s is done: %d rows", path, f.acked.at.Row)
	if others {
		// Under its other names, or where the link led, it is the same file and not to be read again: it is forgotten
		// when none of them is found.
		w.miss(f)
		w.considerFinish(f)
	} else {
		w.forget(f)
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
