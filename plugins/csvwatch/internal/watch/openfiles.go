package watch

import (
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// openFile opens f to read on from a checkpoint, and closes another file when there are too many.
func (r *reader) openFile(f *file, path string, is fileid.Stat, from checkpoint, handed content.Check) error {
	r.takePlace(f)
	o, err := open(path, is, r.w.opt.Rows, from, handed, f.kept)
	if isTooManyOpen(err) {
		r.closeAllIdle()
		o, err = open(path, is, r.w.opt.Rows, from, handed, f.kept)
	}
	if err != nil {
		r.close(f)
		return err
	}
	f.open, f.kept = o, nil
	r.w.opt.Log.Debugf("Opened %s at row %d", path, from.at.Row+1)
	f.isOpen.Store(true)
	return nil
}

// takePlace counts f among the open files, and closes another one when there are too many.
func (r *reader) takePlace(f *file) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(r.open) >= w.opt.MaxOpen {
		if idle := r.idlest(); idle != nil {
			r.closeIdle(idle)
		}
	}
	r.open[f] = struct{}{}
}

// close closes f, whose time slice it is.
func (r *reader) close(f *file) {
	r.w.mu.Lock()
	o := r.detach(f)
	r.w.mu.Unlock()
	o.Close()
}

// detach takes f from among the open files, and returns what is to be closed; nil if it is not open. The watcher's lock is
// held.
func (r *reader) detach(f *file) *opened {
	delete(r.open, f)
	o := f.open
	if o != nil {
		f.kept = o.keep(&f.read)
		f.open = nil
		f.isOpen.Store(false)
	}
	return o
}

// closeIdle closes f, which nobody reads. It does not wait for a file system that hangs. The watcher's lock is held.
func (r *reader) closeIdle(f *file) {
	o := r.detach(f)
	if r.isHung(f) {
		go o.Close()
		return
	}
	o.Close()
}

// hasPlace reports whether one more file may be opened, if need be in the place of one that is idle. Watcher.mu is held.
func (r *reader) hasPlace() bool {
	return len(r.open) < r.w.opt.MaxOpen || r.idlest() != nil
}

// idlest returns the open file of which the least is expected: one that has not changed for long, and only if there is no
// other one that was deleted, since of that nothing can be read once it is closed. Watcher.mu is held.
func (r *reader) idlest() *file {
	var best *file
	for f := range r.open {
		if f.activity != resting {
			continue
		}
		if best == nil || (best.isMissing() && !f.isMissing()) || (best.isMissing() == f.isMissing() && f.changed < best.changed) {
			best = f
		}
	}
	return best
}

// closeAllIdle closes the files that nobody reads.
func (r *reader) closeAllIdle() {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range r.open {
		if f.activity == resting {
			r.closeIdle(f)
		}
	}
}

// closeAll closes all files, once there are no workers.
func (r *reader) closeAll() {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for f := range r.open {
		r.closeIdle(f)
	}
}
