// Package hints passes on what the operating system reports about changes in directories.
//
// A hint says where to look now, and nothing else: systems lose notifications by design (queues overflow, network
// filesystems and some mounts send none), so whoever takes hints must also look by himself from time to time.
package hints

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// retryFull is how long no folder is added after the system had no more watches to give.
const retryFull = time.Minute

// maxPending bounds the memory for hints not taken yet; beyond it they become one hint to look everywhere.
const maxPending = 1 << 16

// Hints gathers hints until they are taken. It is safe for concurrent use.
type Hints struct {
	watcher *fsnotify.Watcher
	ready   chan struct{}
	stopped chan struct{}

	mu      sync.Mutex
	paths   map[string]struct{}
	all     bool
	watched map[string]bool // true where hints can be relied on
	full    time.Time       // until then no folder is added
}

// New fails where the system offers no notification, or has no more of it to give.
func New() (*Hints, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("asking the system for change notifications: %w%s", err, advice(err))
	}
	h := &Hints{
		watcher: w,
		ready:   make(chan struct{}, 1),
		stopped: make(chan struct{}),
		paths:   map[string]struct{}{},
		watched: map[string]bool{},
	}
	go h.gather()
	return h, nil
}

// Watch asks for hints about what is directly in dir. It may be called again for the same dir. It reports whether hints can
// be relied on there: not on filesystems that others can change without this system noticing, and not while the system
// has no more notifications to give. The error says so once a minute, with the limit to raise.
func (h *Hints) Watch(dir string) (relied bool, err error) {
	h.mu.Lock()
	relied, known := h.watched[dir]
	full := time.Now().Before(h.full)
	h.mu.Unlock()
	if known {
		return relied, nil
	}
	if full {
		return false, nil
	}
	relied = reliable(dir)
	if !relied && holdsFilesOpen {
		return false, nil
	}
	// Noted before it is asked for: the directory may go at once, and the event about that takes the note back.
	h.mu.Lock()
	h.watched[dir] = relied
	h.mu.Unlock()
	if err = h.watcher.Add(dir); err == nil {
		return relied, nil
	}
	more := advice(err)
	h.mu.Lock()
	delete(h.watched, dir)
	if more != "" {
		h.full = time.Now().Add(retryFull)
	}
	h.mu.Unlock()
	if errors.Is(err, fs.ErrPermission) {
		return true, nil // who looks into it is refused too, and says so; then it is asked for again
	}
	if more != "" {
		return false, errors.New("the system has no more change notifications to give" + more) // for any folder
	}
	return false, fmt.Errorf("asking for change notifications of %s: %w", dir, err)
}

// Forget ends what Watch began.
func (h *Hints) Forget(dir string) {
	h.mu.Lock()
	_, known := h.watched[dir]
	delete(h.watched, dir)
	if known {
		h.full = time.Time{}
	}
	h.mu.Unlock()
	if known {
		// The directory is often gone already, and its watch with it.
		_ = h.watcher.Remove(dir)
	}
}

// Ready has a value when there is something to take.
func (h *Hints) Ready() <-chan struct{} { return h.ready }

// Take returns the paths to look at. When all is true hints were lost, and everything is to be looked at.
func (h *Hints) Take() (paths map[string]struct{}, all bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	paths, all = h.paths, h.all
	h.paths, h.all = map[string]struct{}{}, false
	return paths, all
}

// Close ends all watching. No hint comes afterwards.
func (h *Hints) Close() error {
	err := h.watcher.Close()
	<-h.stopped
	return err
}

func (h *Hints) gather() {
	defer close(h.stopped)
	for {
		select {
		case ev, open := <-h.watcher.Events:
			if !open {
				return
			}
			h.add(ev)
		case _, open := <-h.watcher.Errors:
			if !open {
				return
			}
			h.lost()
		}
	}
}

func (h *Hints) add(ev fsnotify.Event) {
	h.mu.Lock()
	if ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename) {
		// If this was a watched directory its watch went with it: a new one under that name is to be watched anew.
		delete(h.watched, ev.Name)
	}
	if len(h.paths) < maxPending {
		h.paths[ev.Name] = struct{}{}
	} else {
		h.all = true
	}
	h.mu.Unlock()
	h.tell()
}

func (h *Hints) lost() {
	// An overflow or anything else: hints may be missing.
	h.mu.Lock()
	h.all = true
	h.mu.Unlock()
	h.tell()
}

func (h *Hints) tell() {
	select {
	case h.ready <- struct{}{}:
	default:
	}
}
