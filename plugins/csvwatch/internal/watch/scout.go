package watch

import (
	"context"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/discover"
)

// scout finds files: at once where there is a hint, everywhere every PollInterval.
func (w *Watcher) scout() {
	defer w.done.Done()
	scanner := discover.New(w.opt.Patterns, w, w.opt.Log, w.watchDir, w.forgetDir)
	var ready <-chan struct{}
	if w.hints != nil {
		ready = w.hints.Ready()
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
		case looked := <-w.looks:
			w.scan(scanner, true)
			close(looked)
		case <-ready:
			paths, all := w.hints.Take()
			around := false
			for path := range paths {
				around = scanner.Look(path) || around
			}
			if around || all {
				w.scan(scanner, all)
			}
		}
	}
}

func (w *Watcher) scan(scanner *discover.Scanner, full bool) {
	if err := scanner.Scan(w.ctx, full); err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		w.started = true
		poke(w.wake)
	}
	for f := range w.lost {
		w.lookForLost(f)
	}
}

// Look looks everywhere now, and returns when everything there was to find is found.
func (w *Watcher) Look(ctx context.Context) error {
	looked := make(chan struct{})
	select {
	case w.looks <- looked:
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
	}
}

// lookForLost forgets a file once it has been missing in two complete scans. The lock is held.
func (w *Watcher) lookForLost(f *file) {
	f.missing = true
	f.looks++
	if f.looks < 2 || f.state != resting || f.isOpen.Load() || f.line.Out() > 0 {
		return
	}
	if !f.read.whole {
		w.opt.Log.Warnf("%s is gone before it was read to its end: %d rows of it were read", f.path, f.read.at.Row)
	}
	w.forget(f)
}

// watchDir asks for hints about a directory. False means that only looking finds what happens there.
func (w *Watcher) watchDir(dir string) bool {
	if w.hints == nil {
		return false
	}
	if err := w.hints.Watch(dir); err != nil {
		w.troubles.say(w.opt.Log, "notify", "%v: it is looked at every %s", err, w.opt.PollInterval)
		return false
	}
	return true
}

func (w *Watcher) forgetDir(dir string) {
	if w.hints != nil {
		w.hints.Forget(dir)
	}
}
