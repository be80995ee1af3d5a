package watch

import (
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// openFile opens f to read on from a mark, and closes another file when there are too many.
func (r *reader) openFile(f *file, path string, is fileid.Stat, from mark, handed content.Check) error {
	if len(r.open) >= r.w.opt.MaxOpen {
		r.closeOneIdle()
	}
	o, err := open(path, is, r.w.opt.Rows, from, handed, f.kept)
	if isTooManyOpen(err) {
		r.closeIdle()
		o, err = open(path, is, r.w.opt.Rows, from, handed, f.kept)
	}
	if err != nil {
		return err
	}
	f.open, f.kept = o, nil
	r.w.opt.Log.Debugf("Opened %s at row %d", path, from.at.Row+1)
	f.isOpen.Store(true)
	r.open[f] = struct{}{}
	return nil
}

func (r *reader) close(f *file) {
	if f.open != nil {
		f.kept = f.open.keep(&f.read)
		f.open.Close()
		f.open = nil
		f.isOpen.Store(false)
		delete(r.open, f)
	}
}

// hasPlace tells that one more file may be opened, if need be in the place of one that is idle. Watcher.mu is held.
func (r *reader) hasPlace() bool {
	return len(r.open) < r.w.opt.MaxOpen || r.idlest() != nil
}

// idlest gives the open file of which the least is expected: one that has not changed for long, and only if there is no
// other one that was deleted, since of that nothing can be read once it is closed. Watcher.mu is held.
func (r *reader) idlest() *file {
	var best *file
	for f := range r.open {
		if f.state != resting {
			continue
		}
		if best == nil || (best.missing && !f.missing) || (best.missing == f.missing && f.changed < best.changed) {
			best = f
		}
	}
	return best
}

func (r *reader) closeOneIdle() {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := r.idlest(); f != nil {
		r.close(f)
	}
}

func (r *reader) closeIdle() {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range r.open {
		if f.state == resting {
			r.close(f)
		}
	}
}

func (r *reader) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for f := range r.open {
		r.close(f)
	}
}
