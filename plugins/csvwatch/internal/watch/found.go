package watch

import (
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
)

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
	if f.finishing && f.seen {
		f.wasRenamed(st) // by its cleanup, which has not noted that yet
	}
	old := f.st
	first, missed := !f.seen, f.isMissing()
	f.st, f.seen = st, true
	if f.path != path && !f.isMissing() && !first {
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
	case missed && !f.isRead():
		// The reader may not have found it.
	default:
		w.considerFinish(f)
		return
	}
	if first && f.isRead() {
		// It counts as quiet only after the quiet time, since clocks may have changed while nobody looked.
		w.rest(f, now)
		return
	}
	w.ask(f, now)
}

// isRead reports whether f was read to its end as it was seen last.
func (f *file) isRead() bool {
	return f.read.whole && f.read.size == f.st.Size && f.read.modified == f.st.Modified && f.read.changed == f.st.Changed
}

// Gone implements discover.Sink.
func (w *Watcher) Gone(path string, id fileid.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.fileOf(id)
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
	f.presence, f.alias = present, ""
	w.lost.remove(f)
	if f.recheck != 0 && f.activity == resting {
		w.setTimer(f, f.recheck)
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
		if !f.isRead() {
			w.ask(f, w.now())
		} else {
			w.considerFinish(f)
		}
	case !f.isMissing():
		f.presence, f.looks = missing, 0
		w.lost.add(f)
	}
}
