package watch

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A file system may stop answering: an open, a stat or a read there does not return. The worker that called it keeps its
// file, and another worker continues with the other files. Those on the same device wait until the call has returned.

const (
	// hungAfter is how long a time slice may take before its file system counts as hung.
	hungAfter = 5 * time.Second
	// mostStuck bounds the workers that wait for a hung file system. With that many, reading waits for one of them.
	mostStuck = 16
)

// worker is a goroutine that reads files or handles their timers, one file at a time. Guarded by Watcher.mu.
type worker struct {
	over   chan struct{} // closed when it has ended or is stuck; nil for one that handles timers
	path   string        // of its file
	device uint64        // of its file
	since  time.Duration // when the time slice of its file began; 0 for none
	stuck  bool          // another worker has taken over
}

// begin notes that the time slice of f begins. The watcher's lock is held.
func (k *worker) begin(f *file, now time.Duration) {
	k.path, k.device, k.since = f.path, f.st.ID.Dev, now
}

// end notes that k has no file, and reports whether it may go on to the next one. The watcher's lock is held.
func (r *reader) end(k *worker) bool {
	k.since = 0
	if !k.stuck {
		return true
	}
	r.stuck--
	if r.hung[k.device]--; r.hung[k.device] == 0 {
		delete(r.hung, k.device)
		r.w.problems.over(r.w.opt.Log, hangOf(k.device), "%s answers again: the files of its file system are read", k.path)
		r.requeue()
	}
	poke(r.w.arrived)
	return false
}

// replaceStuck replaces the workers whose file systems hang.
func (r *reader) replaceStuck() {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if k := r.filler; k != nil && r.isStuck(k) {
		r.leave(k)
		r.filler = nil
		close(k.over)
		poke(w.arrived)
	}
	if k := r.timerWorker; r.isStuck(k) {
		r.leave(k)
		r.startTimerWorker()
	}
	r.requeue()
}

// isStuck reports whether k is to be replaced. The watcher's lock is held.
func (r *reader) isStuck(k *worker) bool {
	w := r.w
	if k.since == 0 || w.ctx.Err() != nil || r.stuck >= min(mostStuck, w.opt.MaxOpen-1) {
		return false
	}
	return w.now()-k.since >= r.hungAfter()
}

func (r *reader) hungAfter() time.Duration { return cmp.Or(r.w.opt.hungAfter, hungAfter) }

// leave leaves k to its file. The watcher's lock is held.
func (r *reader) leave(k *worker) {
	k.stuck = true
	r.stuck++
	if r.hung[k.device]++; r.hung[k.device] == 1 {
		r.w.problems.say(r.w.opt.Log, hangOf(k.device), "%s does not answer: the files of its file system wait, and others are read", k.path)
	}
}

func hangOf(device uint64) string { return fmt.Sprintf("hang %x", device) }

// isHung reports whether the file system of f hangs. The watcher's lock is held.
func (r *reader) isHung(f *file) bool { return len(r.hung) > 0 && r.hung[f.st.ID.Dev] > 0 }

// requeue queues the waiting files whose file system does not hang, or no longer; it may have been mounted again under
// another device number. The watcher's lock is held.
func (r *reader) requeue() {
	w := r.w
	r.waiting = slices.DeleteFunc(r.waiting, func(f *file) bool {
		if r.isHung(f) {
			return false
		}
		w.enqueue(f)
		return true
	})
}
