package watch

import (
	"context"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/acks"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

// linger is how long Next waits for more rows while earlier ones are still out: an output that is busy anyway gets
// fuller batches, and one that is idle gets rows at once.
const linger = 5 * time.Millisecond

// Segment is a run of rows of one file, to be delivered and then reported once by Done or Abandon.
type Segment struct {
	Path     string
	Channel  string
	Modified time.Time
	// Appeared is when the file last changed before the rows were read: when it was written or renamed into place.
	Appeared time.Time
	// Columns are the names of the header; nil without one.
	Columns []string
	Rows    []csvrows.Row
	// LowWatermark is the number of the first row of the channel that was not yet acknowledged, or not in one run with the
	// rows before it, when the segment was handed out.
	LowWatermark int64

	file  *file
	part  *acks.Part[checkpoint]
	end   content.Check
	bytes int64
}

// Next waits for rows and returns up to most of them, in segments. The rows of one file come in their order. When wake
// has a value it may return without any. The error wraps positions.ErrInUse when another instance has taken over; then
// only Close is left to do. Next is for one goroutine at a time: it is this one that reads.
func (w *Watcher) Next(ctx context.Context, most int, wake <-chan struct{}) ([]*Segment, error) {
	var lingered, endCheckDue <-chan time.Time
	if w.opt.ExitAfterRead {
		tick := time.NewTicker(endCheck)
		defer tick.Stop()
		endCheckDue = tick.C
	}
	defer w.busy()
	for {
		w.fill(ctx, most)
		w.mu.Lock()
		rows := w.readyRows
		w.idle(rows == 0 && w.hasRoom() && w.reader.stuck == 0)
		enough := rows >= most || w.out == 0 || !w.hasRoom()
		w.mu.Unlock()
		if rows > 0 && enough {
			return w.takeReady(ctx, most)
		}
		if rows > 0 && lingered == nil {
			timer := time.NewTimer(linger)
			defer timer.Stop()
			lingered = timer.C
		}
		select {
		case <-wake:
			return nil, nil // before anything else, since there may be much to read before there are rows
		default:
		}
		select {
		case <-w.arrived:
			w.busy()
		case <-lingered:
			return w.takeReady(ctx, most)
		case <-endCheckDue:
			if w.allDone() {
				return nil, ErrAllRead
			}
		case <-wake:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.ctx.Done():
			return nil, context.Cause(w.ctx)
		}
	}
}

// busy notes that Next no longer waits.
func (w *Watcher) busy() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle(false)
}

// fill reads until so many rows are ready. It does not wait for a file system that does not answer when the context ends.
func (w *Watcher) fill(ctx context.Context, most int) {
	for started := false; !started; {
		var k *worker
		if k, started = w.startFill(ctx, most); k == nil {
			return
		}
		select {
		case <-k.over:
		case <-ctx.Done():
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// startFill starts a worker that reads, unless an earlier one has not ended yet; it returns nil after the end.
func (w *Watcher) startFill(ctx context.Context, most int) (k *worker, started bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return nil, false
	}
	if w.reader.filler != nil {
		return w.reader.filler, false
	}
	k = &worker{over: make(chan struct{})}
	w.reader.filler = k
	w.done.Add(1)
	go w.reader.fill(ctx, k, most)
	return k, true
}

// takeReady hands out what was read, once all that must be durable before is.
func (w *Watcher) takeReady(ctx context.Context, most int) ([]*Segment, error) {
	emitted, n := w.noteHanded()
	if err := w.makeDurable(ctx); err != nil {
		return nil, err
	}
	if err := w.hand(emitted); err != nil {
		w.problems.say(w.opt.Log, "hand", "%v: if this process is killed before it works, rows of a file that is rewritten in place may be taken for those before them", err)
	} else {
		w.problems.over(w.opt.Log, "hand", "what is handed out can be noted again")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	batch := w.takeSegments(n, most)
	w.out += len(batch)
	for _, s := range batch {
		s.LowWatermark = s.file.acked.at.Row + 1
		if s.Rows[0].Number == 0 {
			s.LowWatermark = 0
		}
	}
	return batch, nil
}

// takeSegments removes up to most rows from the first n segments that are ready, or the leading ones of one file. The lock
// is held.
func (w *Watcher) takeSegments(n, most int) []*Segment {
	rows := 0
	for i, s := range w.ready[:n] {
		rows += len(s.Rows)
		if i > 0 && (rows > most || (w.opt.OneFile && s.file != w.ready[0].file)) {
			n = i
			break
		}
	}
	batch := w.ready[:n:n]
	if w.ready = w.ready[n:]; len(w.ready) == 0 {
		w.ready = nil
	}
	for _, s := range batch {
		w.readyRows -= len(s.Rows)
	}
	return batch
}

// Done reports that all rows of s are done. It moves the position of the file if all before s is, too.
func (w *Watcher) Done(s *Segment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release(s)
	w.figures.Acked += int64(len(s.Rows))
	w.pass(s.file, s.part)
}

// pass notes that a part of f is done, and moves its position if all before it is, too. The lock is held.
func (w *Watcher) pass(f *file, part *acks.Part[checkpoint]) {
	end, moved := f.line.Done(part)
	if !moved || f.dead {
		return
	}
	f.acked = end
	f.endTally(w.now())
	if end.whole && !f.finished {
		f.finished = true
		w.figures.Finished++
	}
	w.touch(f)
	w.considerFinish(f)
}

// Abandon reports that s will not be delivered in this run. The position of its file stays before it.
func (w *Watcher) Abandon(s *Segment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release(s)
	s.file.line.GiveUp(s.part)
}

func (w *Watcher) release(s *Segment) {
	w.rows -= len(s.Rows)
	w.bytes -= s.bytes
	w.out--
	poke(w.arrived)
}
