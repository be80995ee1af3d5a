package watch

import (
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/progress"
)

// observeEvery is how often the keeper looks at how things stand.
const observeEvery = time.Second

// blockedAfter is how long nothing must have been acknowledged, while nothing more may be read, to be worth a line.
const blockedAfter = time.Minute

// Figures are what has happened since Start, and how things stand.
type Figures struct {
	// Discovered are contents that were found, Finished those of which every row is acknowledged, Cleaned those that
	// were deleted or moved, Failed those that could not be read at some time. A file that grows again counts once.
	Discovered, Finished, Cleaned, Failed int64
	// Rows were read, bad ones included; BadRows are the bad ones among them; Acked are those that are behind us.
	Rows, BadRows, Acked int64
	// Headers are records that were the header once more, and were skipped.
	Headers int64
	// Bytes were read, of content as it is after decompression.
	Bytes int64
	// SaveFailures are saves of positions that did not work.
	SaveFailures int64

	// AwaitingFiles is for how long Next had nothing to read.
	AwaitingFiles time.Duration

	// Known files are there now, Open ones are open, Waiting ones are to be read, Refused ones cannot be read.
	Known, Open, Waiting, Refused int
	// Unacked rows were read and are not yet acknowledged.
	Unacked int
	// Backlog are the bytes on disk that are known and not yet read, without those of refused files.
	Backlog int64
	// OldestUnread is how long ago the file with unread bytes that waits longest was written; 0 when there is none.
	OldestUnread time.Duration
}

// Figures returns the present state. Figures that require a look at each file may be as old as snapshotEvery while nothing
// happens.
func (w *Watcher) Figures() Figures {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	f := w.figures
	f.Known, f.Unacked = len(w.known)+len(w.packed.files), w.rows
	if c := &w.snapshot; c.of != f || c.queued != w.queue.Len() || now.Sub(c.at) >= snapshotEvery {
		w.snapshot = w.takeSnapshot(f, now)
	}
	f.Open, f.Waiting, f.Refused, f.Backlog = w.snapshot.open, w.snapshot.waiting, w.snapshot.refused, w.snapshot.backlog
	if !w.idleSince.IsZero() {
		f.AwaitingFiles += now.Sub(w.idleSince)
	}
	if !w.snapshot.oldest.IsZero() {
		f.OldestUnread = max(0, now.Sub(w.snapshot.oldest))
	}
	return f
}

// snapshotEvery is how often each file is looked at when nothing happens. With ten thousand files at rest it would
// otherwise be most of what watching costs.
const snapshotEvery = 5 * time.Second

// snapshot is what a look at each file found.
type snapshot struct {
	at     time.Time
	of     Figures // as they were then
	queued int

	open, waiting, refused int

	backlog int64
	oldest  time.Time // when the file with unread bytes that waits longest was written
}

func (w *Watcher) takeSnapshot(f Figures, now time.Time) snapshot {
	c := snapshot{at: now, of: f, queued: w.queue.Len()}
	for file := range w.known {
		if file.isOpen.Load() {
			c.open++
		}
		if file.activity != resting {
			c.waiting++
		}
		if file.failed() && !file.dead {
			c.refused++
			continue
		}
		if left := file.unread(); left > 0 {
			c.backlog += left
			if written := file.st.ModTime(); c.oldest.IsZero() || written.Before(c.oldest) {
				c.oldest = written
			}
		}
	}
	return c
}

// idle notes whether Next waits since there is nothing to read. The lock is held.
func (w *Watcher) idle(is bool) {
	if !w.idleSince.IsZero() {
		w.figures.AwaitingFiles += time.Since(w.idleSince)
		w.idleSince = time.Time{}
	}
	if is {
		w.idleSince = time.Now()
	}
}

// unread is how many bytes on disk are known and not yet read.
func (f *file) unread() int64 {
	if f.isMissing() || !f.seen || f.isRead() {
		return 0
	}
	// The check ends where reading did, on disk.
	return max(0, f.st.Size-f.read.consumed())
}

// counts is what the progress line is made of: only what can be read now.
func (w *Watcher) counts() progress.Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := progress.Counts{Rows: w.figures.Rows, Bytes: w.onDisk}
	if w.queue.Len() == 0 && w.rows == 0 {
		return c
	}
	for f := range w.known {
		if f.activity != resting {
			c.Left += f.unread()
			c.Files++
		}
	}
	return c
}

// observer looks at how things stand once a second, and says what a person should know.
type observer struct {
	w     *Watcher
	meter progress.Meter
	acked int64
	since time.Time // when acked moved last, or nothing held up the reading
}

func (o *observer) look(now time.Time) {
	w := o.w
	w.lines.Flush(false)
	w.noteSlowCleanups(now)
	if line := o.meter.Update(now, w.counts()); line != "" {
		w.opt.Log.Infof("%s", line)
	}
	w.mu.Lock()
	acked, full := w.figures.Acked, !w.hasRoom()
	rows := w.rows
	w.mu.Unlock()
	if acked != o.acked || !full {
		o.acked, o.since = acked, now
		w.problems.over(w.opt.Log, "blocked", "rows are acknowledged again: reading goes on")
		return
	}
	if now.Sub(o.since) >= blockedAfter {
		w.problems.say(w.opt.Log, "blocked",
			"%d rows were read and none of them was acknowledged for %s: reading waits for the output", rows, blockedAfter)
	}
}
