package watch

import (
	"cmp"
	"slices"
	"time"
)

// FileState is how reading a file stands.
type FileState string

// The states of a file.
const (
	FileReading FileState = "reading" // there is more to read, or rows of it are not acknowledged
	FileWaiting FileState = "waiting" // nothing of it was read yet
	FileDone    FileState = "done"    // all that is there is acknowledged
	FileRefused FileState = "refused" // it cannot be read
)

// FileStatus is how far a file is.
type FileStatus struct {
	Path       string
	State      FileState
	Rows, Done int64 // read, and acknowledged in one run from the first row
	Size, Read int64 // bytes on disk
	Changed    time.Time
	Problem    string // why it is refused
}

// Files returns how far the files are that changed last, at most so many, the latest first.
func (w *Watcher) Files(most int) []FileStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	latest := make([]*file, 0, most+1)
	for _, f := range w.files {
		if f.dead || (!f.seen && f.read.at.Row == 0) {
			continue
		}
		latest = insertLatest(latest, f, most)
	}
	for _, f := range w.packed.newest(most) {
		latest = insertLatest(latest, f, most)
	}
	list := make([]FileStatus, len(latest))
	for i, f := range latest {
		list[i] = f.status()
	}
	return list
}

// insertLatest adds f to the latest files unless there are enough later ones.
func insertLatest(latest []*file, f *file, most int) []*file {
	at, _ := slices.BinarySearchFunc(latest, f, laterFirst)
	if at < most {
		latest = slices.Insert(latest, at, f)
	}
	return latest[:min(len(latest), most)]
}

// laterFirst puts refused files first, and those that changed later before the others.
func laterFirst(x, y *file) int {
	if x.failed() != y.failed() {
		if x.failed() {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(y.st.Modified, x.st.Modified), cmp.Compare(y.path, x.path))
}

// status is how far f is. The lock is held.
func (f *file) status() FileStatus {
	s := FileStatus{
		Path: f.path, Rows: f.read.at.Row, Done: f.acked.at.Row, Size: f.st.Size, Read: f.read.check.End,
		Changed: f.st.ModTime(), State: FileDone,
	}
	switch {
	case f.failed():
		s.State, s.Problem = FileRefused, f.said
	case s.Rows == 0 && f.unread() > 0:
		s.State = FileWaiting
	case f.unread() > 0 || s.Done < s.Rows:
		s.State = FileReading
	}
	return s
}
