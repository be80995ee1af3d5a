package watch

import (
	"errors"
	"time"
)

const (
	// endCheck is how often a watch that is to end looks whether it is at its end.
	endCheck = 20 * time.Millisecond
	// endAttempts is how often a file that cannot be opened is tried before a watch ends without it.
	endAttempts = 5
	// cleanupTimeout is how long the end waits for files to be deleted or moved.
	cleanupTimeout = 30 * time.Second
)

// ErrAllRead is returned by Next at the end of a watch with ExitAfterRead.
var ErrAllRead = errors.New("every file is read")

// allDone reports whether every file that was found is read to its end, every row is acknowledged, and every finished
// file is cleaned up.
func (w *Watcher) allDone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started || w.scanHangs || w.rows > 0 || w.queue.Len() > 0 {
		return false
	}
	for f := range w.known {
		if !f.atEnd() {
			return false
		}
	}
	if w.opt.Finish == nil || w.allCleaned() {
		return true
	}
	if w.endSince.IsZero() {
		w.endSince = time.Now()
	}
	return time.Since(w.endSince) > cleanupTimeout+w.opt.Quiet
}

// allCleaned reports whether no file waits for being deleted or moved. The lock is held.
func (w *Watcher) allCleaned() bool {
	for f := range w.known {
		if !f.dead && !f.isMissing() && f.isRead() {
			return false
		}
	}
	return true
}

// atEnd reports whether nothing more is to be had of f for now: it is read to its end, or it cannot be read. The
// watcher's lock is held.
func (f *file) atEnd() bool {
	switch {
	case f.dead || f.isMissing() || !f.seen:
		return true
	case f.activity != resting:
		return false
	case f.failed():
		return f.failure == awaitingChange || f.attempts >= endAttempts
	}
	return f.isRead() || f.writer == paused
}
