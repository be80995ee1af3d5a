package watch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
)

// finishRetry is how long a file that could not be cleaned up is left alone.
const finishRetry = 10 * time.Second

// clean cleans up finished files. To move a large one to another filesystem takes long, and a filesystem may hang: nothing
// else is to wait, not even the files of other devices.
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

// takeFinished takes the files that are done, but for those on devices where others are being cleaned up.
func (w *Watcher) takeFinished() (files []*file) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range w.finish {
		if _, busy := w.cleaning[f.st.ID.Dev]; !busy {
			files = append(files, f)
			delete(w.finish, f)
		}
	}
	return files
}

// finishFiles cleans up the files that are done.
func (w *Watcher) finishFiles() {
	files := w.takeFinished()
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
		w.problems.say(w.opt.Log, "save", "%v: finished files stay until it works", err)
		w.mu.Lock()
		for _, f := range files {
			w.retryCleanup(f)
		}
		w.mu.Unlock()
		return
	}
	byDevice := map[uint64][]*file{}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range files {
		byDevice[f.st.ID.Dev] = append(byDevice[f.st.ID.Dev], f)
	}
	for device, files := range byDevice {
		w.cleaning[device] = cleanup{files[0].path, time.Now()}
		w.done.Add(1)
		go w.finishOn(device, files)
	}
}

// finishOn cleans up files of one device.
func (w *Watcher) finishOn(device uint64, files []*file) {
	defer w.done.Done()
	for _, f := range files {
		w.mu.Lock()
		w.cleaning[device] = cleanup{f.path, time.Now()}
		w.mu.Unlock()
		if w.ctx.Err() == nil {
			w.finishFile(f)
		}
	}
	w.mu.Lock()
	delete(w.cleaning, device)
	w.mu.Unlock()
	w.problems.over(w.opt.Log, slowCleanup(device), "Finished files of its file system are cleaned up again")
	poke(w.tidy)
}

// cleanup is the file of a device that is being cleaned up.
type cleanup struct {
	path  string
	since time.Time
}

// longCleanup is how long cleaning up one file may take before the log says so.
const longCleanup = time.Minute

func slowCleanup(device uint64) string { return fmt.Sprintf("cleanup %x", device) }

// noteSlowCleanups logs which files have been in cleaning up for long.
func (w *Watcher) noteSlowCleanups(now time.Time) {
	slow := map[uint64]string{}
	w.mu.Lock()
	for device, c := range w.cleaning {
		if now.Sub(c.since) >= longCleanup {
			slow[device] = c.path
		}
	}
	w.mu.Unlock()
	for device, path := range slow {
		w.problems.say(w.opt.Log, slowCleanup(device), "%s is finished, but deleting or moving it has taken more than %s: its file system, or that of move_on_finish, may not answer", path, longCleanup)
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
		w.retryCleanup(f)
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
	if f.dead || f.isMissing() {
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
	to, err := finish.PutBack(aside, path)
	if err != nil {
		return err
	}
	st, err := fileid.Of(to)
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.fileOf(id); err == nil && f != nil {
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

// recoverAside puts back the files that the last run had taken aside when it was killed. It is for before the start.
func (w *Watcher) recoverAside() {
	var taken []asideFile
	for f := range w.known {
		if f.finishing {
			taken = append(taken, asideFile{f: f, path: f.path, aside: finish.Aside(f.path, f.channel.String()), was: f.st})
		}
	}
	if len(taken) == 0 {
		return
	}
	if !w.withinLimit(func() { putAllBack(taken, w.opt.Log) }) {
		w.opt.Log.Warnf("A file system does not answer: files that were taken aside to be cleaned up, such as %s, are put back once it does", taken[0].path)
		return
	}
	for i := range taken {
		if f, changed := taken[i].f, taken[i].changed; changed != 0 {
			w.opt.Log.Infof("%s is there again: it was taken aside to be cleaned up when the last run ended", f.path)
			f.st.Changed, f.read.changed, f.acked.changed = changed, changed, changed
		}
	}
}

func putAllBack(files []asideFile, log Log) {
	for i := range files {
		files[i].putBack(log)
	}
}

// asideFile is a file that the last run may have taken aside.
type asideFile struct {
	f           *file
	path, aside string
	was         fileid.Stat
	changed     int64 // its change time after it was put back; 0 if it was not, or is another file
}

// putBack puts the file back if it is there.
func (a *asideFile) putBack(log Log) {
	st, err := fileid.Of(a.aside)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if _, backErr := finish.PutBack(a.aside, a.path); backErr != nil {
		log.Errorf("%v: it was taken aside to be cleaned up, and lies at %s", backErr, a.aside)
		return
	}
	a.was.ID.Dev = st.ID.Dev // which another mount may have changed
	if now, err := fileid.Of(a.path); err == nil && isLeftAlone(now, a.was) {
		a.changed = now.Changed
	}
}

// retryCleanup asks for another try. The lock is held.
func (w *Watcher) retryCleanup(f *file) {
	f.cleanAfter = w.now() + cmp.Or(w.opt.cleanRetry, finishRetry)
	if !f.dead && f.activity == resting {
		f.due = 0
		w.setTimer(f, f.cleanAfter)
	}
}

// complain logs something about f once. The lock is held.
func (w *Watcher) complain(f *file, format string, args ...any) {
	if f.said != format {
		f.said = format
		w.opt.Log.Errorf(format, args...)
	}
}
