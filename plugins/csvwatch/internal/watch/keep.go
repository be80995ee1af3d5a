package watch

import (
	"context"
	"errors"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// makeDurable saves the channels of the files whose rows are ready and that have none saved yet: for all in one save,
// which is tried again until it works.
func (w *Watcher) makeDurable(ctx context.Context) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		var entries []positions.Entry
		var files []*file
		w.mu.Lock()
		for _, s := range w.ready {
			if f := s.file; f.saving != saved && !f.dead {
				f.saving = saved // so that it is taken once; taken back below
				files = append(files, f)
				entries = append(entries, w.entry(f))
			}
		}
		w.mu.Unlock()
		if len(entries) == 0 {
			return nil
		}
		w.storeMu.Lock()
		err := w.opt.Store.Save(w.ctx, entries, nil)
		w.storeMu.Unlock()
		if err == nil {
			w.problems.over(w.opt.Log, "save", "positions can be saved again")
			return nil
		}
		w.mu.Lock()
		w.figures.SaveFailures++
		for _, f := range files {
			f.saving = outdated
		}
		w.mu.Unlock()
		if errors.Is(err, positions.ErrInUse) {
			w.cancel(err)
		} else if w.ctx.Err() == nil {
			w.problems.say(w.opt.Log, "save", "%v: new files wait until it works", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		case <-w.ctx.Done():
			return context.Cause(w.ctx)
		}
	}
}

// noteHanded notes how far the segments that are ready reach, and returns what of it makeDurable does not save. It also
// returns their number: a worker whose file system answers again may add others, which must wait for the next call.
func (w *Watcher) noteHanded() (emitted []positions.Handed, segments int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.ready {
		f := s.file
		if s.end.End <= f.handed.End || f.dead {
			continue
		}
		f.handed = s.end
		if f.saving == saved {
			emitted = append(emitted, positions.Handed{Channel: f.channel, Check: s.end})
		}
	}
	return emitted, len(w.ready)
}

// handTime is how long to wait for a store that does not answer. Rows are handed out all the same.
const handTime = time.Second

// hand makes what is about to be handed out survive the end of the process.
func (w *Watcher) hand(emitted []positions.Handed) error {
	if len(emitted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.ctx, handTime)
	defer cancel()
	return w.opt.Store.Hand(ctx, emitted)
}

// keep saves positions every SaveEvery, and tells how things stand.
func (w *Watcher) keep() {
	defer w.done.Done()
	tick := time.NewTicker(w.opt.SaveEvery)
	defer tick.Stop()
	look := time.NewTicker(observeEvery)
	defer look.Stop()
	o := observer{w: w, since: time.Now()}
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
			if err := w.save(w.ctx); errors.Is(err, positions.ErrInUse) {
				w.cancel(err)
			} else if err != nil && w.ctx.Err() == nil {
				w.problems.say(w.opt.Log, "save", "%v: after a crash the rows since then would be read again", err)
			}
		case now := <-look.C:
			w.reader.replaceStuck()
			w.mu.Lock()
			w.pack()
			w.mu.Unlock()
			o.look(now)
		}
	}
}

// save makes what is done durable.
func (w *Watcher) save(ctx context.Context) error {
	// The store is held before it is looked what to save, so that nothing older is saved later.
	w.storeMu.Lock()
	defer w.storeMu.Unlock()
	w.mu.Lock()
	files := make([]*file, 0, len(w.dirty))
	entries := make([]positions.Entry, 0, len(w.dirty))
	for f := range w.dirty {
		files = append(files, f)
		entries = append(entries, w.entry(f))
	}
	gone := w.gone
	w.dirty = map[*file]struct{}{}
	w.gone = nil
	w.mu.Unlock()

	err := w.opt.Store.Save(ctx, entries, gone)
	if err == nil {
		w.problems.over(w.opt.Log, "save", "positions can be saved again")
		return nil
	}
	w.mu.Lock()
	w.figures.SaveFailures++
	for _, f := range files {
		w.touch(f)
	}
	w.gone = append(gone, w.gone...)
	w.mu.Unlock()
	return err
}
