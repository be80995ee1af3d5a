package watch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/discover"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/timelimit"
)

// mostIncomplete is after how many scans that were not complete one is made that is.
const mostIncomplete = 30

// scanLoop finds files: at once after a notification, everywhere every PollInterval.
func (w *Watcher) scanLoop() {
	defer w.done.Done()
	scanner := discover.New(w.opt.Patterns, w, w.opt.Log, w.watchDir, w.forgetDir)
	defer scanner.Close()
	scanner.HungAfter = cmp.Or(w.opt.scanHungAfter, scanner.HungAfter)
	var ready <-chan struct{}
	if w.notifications != nil {
		ready = w.notifications.Ready()
	}
	w.scan(scanner, true)
	tick := time.NewTicker(w.opt.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
			w.scan(scanner, false)
		case looked := <-w.scanRequests:
			w.scan(scanner, true)
			close(looked)
		case <-ready:
			paths, all := w.notifications.Take()
			around := false
			for path := range paths {
				around = scanner.Look(path) || around
			}
			if around || all {
				// Nothing is forgotten: many hints come in a moment when a folder is moved away, and it may be back soon.
				_ = scanner.Scan(w.ctx, all) // it only fails when the watcher ends, which is seen above
			}
		}
	}
}

func (w *Watcher) scan(scanner *discover.Scanner, full bool) {
	full = full || w.lookAtAll || w.incomplete >= mostIncomplete
	if err := scanner.Scan(w.ctx, full); err != nil {
		return
	}
	w.mu.Lock()
	w.scanHangs = scanner.Hangs()
	if !w.started {
		w.started = true
		poke(w.arrived)
	}
	w.mu.Unlock()
	if !scanner.Complete() {
		w.incomplete++ // what is missing may be where was not looked
		return
	}
	w.incomplete = 0
	w.forgetLost(full)
}

// ScanNow scans everything now, and returns when everything there was to find is found.
func (w *Watcher) ScanNow(ctx context.Context) error {
	looked := make(chan struct{})
	select {
	case w.scanRequests <- looked:
	case <-w.ctx.Done():
		return w.ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-looked:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// place is a directory of a device.
type directory struct {
	dir string
	dev uint64
}

// lostFrom is where a file was.
type lostFrom struct {
	path   string
	st     fileid.Stat
	reused bool
}

// forgetLost forgets files that were missing in two complete scans, and are not where they were: a directory that cannot
// be listed tells nothing. One that had more names than are noted is forgotten only after a scan that was full: one of
// them may be among the files that were not looked at.
func (w *Watcher) forgetLost(full bool) {
	if w.goneHang != nil {
		select {
		case <-w.goneHang:
		default:
			return
		}
	}
	w.lookAtAll = false
	w.mu.Lock()
	directories := map[directory]bool{}
	lost := map[*file]lostFrom{}
	for f := range w.lost.keys {
		f.presence = max(f.presence, missing)
		f.looks++
		if !f.isLost() {
			continue
		}
		if f.more && !full {
			w.lookAtAll = true
		} else {
			f.more = false // it has been looked for
			directories[f.directory()] = false
			lost[f] = lostFrom{f.path, f.st, f.presence == inodeReused}
		}
	}
	w.mu.Unlock()
	if len(lost) == 0 {
		return
	}
	returned, done := timelimit.Run(w.reader.hungAfter(), func() { w.keepGone(directories, lost) })
	if w.goneHang = done; !returned {
		return // another scan will see
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for f, was := range lost {
		if !w.lost.has(f) || !f.isLost() || f.path != was.path {
			continue
		}
		if !f.read.whole {
			w.opt.Log.Warnf("%s is gone before it was read to its end: %d rows of it were read", f.path, f.read.at.Row)
		}
		w.forget(f)
	}
}

// keepGone removes from lost the files that are still where they were, or whose file system is not mounted.
func (w *Watcher) keepGone(directories map[directory]bool, lost map[*file]lostFrom) {
	for p := range directories {
		directories[p] = isMounted(p)
	}
	for f, was := range lost {
		if !was.reused && (!directories[directory{filepath.Dir(was.path), was.st.ID.Dev}] || !w.isGone(was)) {
			delete(lost, f)
		}
	}
}

// withinLimit makes calls that may hang, and reports whether they have returned.
func (w *Watcher) withinLimit(call func()) bool {
	returned, _ := timelimit.Run(w.reader.hungAfter(), call)
	return returned
}

// isLost reports whether nothing more will come of f.
func (f *file) isLost() bool {
	if (f.successor != nil && !f.successor.dead) || (f.finishing && f.seen) {
		return false // its successor is to be looked at first; it is only aside
	}
	return f.isMissing() && f.looks >= 2 && f.activity == resting && !f.isOpen.Load() && f.line.Out() == 0
}

// isGone reports whether a file is not where it was, or that nothing is to be looked for there any more.
func (w *Watcher) isGone(was lostFrom) bool {
	if !w.opt.Patterns.Match(was.path) {
		return true
	}
	st, err := fileid.Of(was.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return st.ID != was.st.ID || st.Born != was.st.Born || !st.Mode.IsRegular()
}

func (f *file) directory() directory { return directory{filepath.Dir(f.path), f.st.ID.Dev} }

// isMounted reports whether a file is missing in p because it is gone, not because its filesystem is: that would leave an
// empty directory, on another device.
func isMounted(p directory) bool {
	for dir := p.dir; ; dir = filepath.Dir(dir) {
		st, err := fileid.Of(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err != nil:
			return false
		default:
			return st.ID.Dev == p.dev || !isEmpty(dir)
		}
	}
}

func isEmpty(dir string) bool {
	d, err := os.Open(dir)
	if err != nil {
		return true
	}
	defer d.Close()
	_, err = d.Readdirnames(1)
	return err != nil
}

// watchDir asks for hints about a directory. False means that only looking finds what happens there.
func (w *Watcher) watchDir(dir string) bool {
	if w.notifications == nil {
		return false
	}
	relied, err := w.notifications.Watch(dir)
	if err != nil {
		w.problems.say(w.opt.Log, "notify", "%v. Without notifications, folders are scanned every %s", err, w.opt.PollInterval)
	}
	return relied
}

func (w *Watcher) forgetDir(dir string) {
	if w.notifications != nil {
		w.notifications.Forget(dir)
	}
}
