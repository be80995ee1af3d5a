package watch

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/identity"
)

// relation relates a file that is found to f.
func (f *file) relation(is identity.Evidence) identity.Relation {
	was := identity.Evidence{Path: f.path, Stat: f.st}
	if f.alias == is.Path {
		was.Path = f.alias
	}
	r := identity.Compare(was, is)
	if f.finishing && !f.seen && r == identity.Changed && (is.Born == 0 || f.st.Born == 0) {
		return identity.Other // it may be gone, and its inode another file's
	}
	return r
}

// evidence is what is known of a file that is found.
func (w *Watcher) evidence(path string, st fileid.Stat) identity.Evidence {
	e := identity.Evidence{Path: path, Stat: st}
	for _, base := range w.opt.Patterns.Bases() {
		name, err := filepath.Rel(base, path)
		if err == nil && name != ".." && !strings.HasPrefix(name, ".."+string(filepath.Separator)) {
			e.Name = name
			break
		}
	}
	return e
}

// identify returns the known file that a found one is; nil if it is another one. isLink reports that it is another link to
// the one with its ID. The lock is held.
func (w *Watcher) identify(path string, st fileid.Stat, isLink bool) *file {
	is := w.evidence(path, st)
	f := w.fileOf(st.ID)
	if f != nil {
		if r := f.relation(is); r == identity.Unchanged || r == identity.Changed || isLink {
			return f
		}
		w.reuse(f)
	}
	if f = w.lost.sameFile(is); f == nil {
		return nil
	}
	if f.st.ID != st.ID {
		w.logOnce("device", "%s has another device number than before, as after its filesystem was mounted again: it and others like it go on where they were", path)
	}
	delete(w.files, f.st.ID)
	f.st.ID = st.ID
	w.files[st.ID] = f
	w.touch(f)
	return f
}

// isLink reports whether a file that is found, on a filesystem that tells no birth times, is another link to the known one
// with its ID. It is also true if the filesystem does not answer: then the content is compared.
func (w *Watcher) isLink(path string, st fileid.Stat) bool {
	if st.Born != 0 {
		return false
	}
	w.mu.Lock()
	f := w.fileOf(st.ID)
	known := f != nil && f.seen && !f.isMissing() && f.path != path
	var other string
	if known {
		other = f.path
	}
	w.mu.Unlock()
	if !known {
		return false
	}
	var is fileid.Stat
	var err error
	if !w.withinLimit(func() { is, err = fileid.Of(other) }) {
		return true
	}
	return err == nil && is.ID == st.ID
}

// reuse notes that the inode of f was given to another file, so that f is gone. The lock is held.
func (w *Watcher) reuse(f *file) {
	if w.files[f.st.ID] == f {
		delete(w.files, f.st.ID)
	}
	if !f.isMissing() {
		f.looks = 0
		w.lost.add(f)
	}
	f.presence, f.alias = inodeReused, ""
}

// discover takes up a file that was not known. The lock is held.
func (w *Watcher) discover(path string, st fileid.Stat, now time.Duration) {
	f := &file{path: path, st: st, changed: now, seen: true}
	if st.Touched() {
		f.writer = renamed
	}
	f.predecessor = w.lost.predecessor(w.evidence(path, st), w.opt.ResumeReplaced)
	w.known[f] = struct{}{}
	w.files[st.ID] = f
	w.opt.Log.Debugf("Found %s: %d bytes", path, st.Size)
	if f.predecessor == nil {
		w.figures.Discovered++
	} else {
		f.predecessor.successor = f
	}
	w.ask(f, now)
}

// predecessor returns the file that f may go on from; nil if there is none, or no longer. The lock is held.
func (w *Watcher) predecessor(f *file) (*file, identity.Relation) {
	p := f.predecessor
	if p == nil {
		return nil, identity.Other
	}
	r := identity.Compare(identity.Evidence{Path: p.path, Stat: p.st}, w.evidence(f.path, f.st))
	if p.dead || !w.lost.has(p) || (r != identity.Restored && r != identity.Extended) {
		w.standAlone(f)
		return nil, identity.Other
	}
	return p, r
}

// askSuccessor lets the file be looked at that waits until f is at rest. The lock is held.
func (w *Watcher) askSuccessor(f *file) {
	if h := f.successor; h != nil && !h.dead && h.activity == resting && !h.isMissing() {
		w.ask(h, w.now())
	}
}

// standAlone makes f a file of its own. The lock is held.
func (w *Watcher) standAlone(f *file) {
	if f.predecessor != nil {
		f.predecessor.successor, f.predecessor = nil, nil
		w.figures.Discovered++
	}
}

// inherit puts f, which goes on from p, in the place of p. What was found out about f is about p from then on. It returns
// false, and f is tried again, if p has changed since it was read as far as from.
func (r *reader) inherit(f, p *file, from *checkpoint, as identity.Relation) bool {
	w := r.w
	var done *opened
	defer func() { done.Close() }() // without the lock, since it may hang too
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.dead || f.dead || f.predecessor != p || !w.lost.has(p) || p.activity != resting || p.read != *from {
		done = r.detach(f)
		f.activity, f.again = resting, false
		w.ask(f, w.now())
		return false
	}
	done = r.detach(p) // the deleted file
	if as == identity.Restored {
		w.logOnce("restored", "%s is a copy of the file that was read before, with its name, size and modification time: it and others like it go on where they were", f.path)
	}
	w.opt.Log.Debugf("%s goes on behind row %d of the file before it", f.path, p.read.at.Row)
	r.open[p] = struct{}{}
	p.open, p.kept = f.open, nil
	p.isOpen.Store(true)
	delete(r.open, f)
	f.open = nil
	f.isOpen.Store(false)
	if w.files[p.st.ID] == p {
		delete(w.files, p.st.ID)
	}
	w.forget(f)
	w.lost.remove(p)
	if !p.seen {
		w.figures.Discovered++
	}
	p.path, p.alias, p.st, p.more = f.path, f.alias, f.st, f.more
	p.changed, p.writer, p.again = f.changed, f.writer, f.again
	p.seen, p.presence, p.failure = true, min(f.presence, missing), min(f.failure, retrying)
	p.activity, p.successor = reading, nil
	w.files[p.st.ID] = p
	if p.isMissing() {
		w.lost.add(p)
	}
	p.saving = min(p.saving, outdated) // after a crash only its new identity leads to it
	w.touch(p)
	return true
}

// logOnce logs the first line of each kind. The lock is held.
func (w *Watcher) logOnce(kind, format string, args ...any) {
	if !w.loggedOnce[kind] {
		w.loggedOnce[kind] = true
		w.opt.Log.Infof(format, args...)
	}
}
