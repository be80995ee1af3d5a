package watch

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// refuse hands out one bad row that stands for the whole of f, which cannot be read because of how it begins. The number of
// that row is 0, so that after a restart, when f is refused again, it is known to be the same. The position of f stays at its
// start: f is read once it, or the configuration, is put right. The lock is held.
func (w *Watcher) refuse(f *file, why *csvrows.HeaderError) {
	if f.refused && f.read.at.Row == 0 {
		// Another reason than before: it is another row.
		if f.saving != unsaved {
			w.gone = append(w.gone, f.channel)
		}
		f.channel, f.saving = positions.Channel{}, unsaved
	}
	f.refused = true
	f.name()
	rows := []csvrows.Row{{Raw: why.Raw, Err: fmt.Errorf("the file is refused: %w", why)}}
	cost := int64(len(why.Raw) + cellBytes)
	w.figures.Rows++
	w.figures.BadRows++
	w.rows++
	w.readyRows++
	w.bytes += cost
	w.ready = append(w.ready, &Segment{
		Path: f.path, Channel: f.channel.String(), Modified: f.st.ModTime(),
		Rows: rows, file: f, part: f.line.Add(f.acked), bytes: cost,
	})
	poke(w.arrived)
}

// fail leaves f, which was tried at path, alone for a while, or until it changes.
func (r *reader) fail(f *file, path string, err error) {
	r.close(f)
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	again := w.endRead(f)
	now := w.now()
	if again || f.path != path {
		w.ask(f, now)
		return
	}
	if errors.Is(err, errElsewhere) || errors.Is(err, fs.ErrNotExist) {
		w.miss(f)
		return
	}
	var header *csvrows.HeaderError
	var stopped stop
	if !f.failed() {
		w.figures.Failed++
	}
	f.failure = retrying
	if errors.As(err, &header) || errors.As(err, &stopped) || errors.Is(err, csvrows.ErrDamaged) {
		f.failure = awaitingChange
	}
	text := fmt.Sprintf("%s cannot be read: %v", f.path, err)
	if f.said != text {
		f.said = text
		w.opt.Log.Errorf("%s", text)
		if header != nil {
			w.refuse(f, header)
		}
	}
	if f.recheck != 0 {
		w.setTimer(f, f.recheck)
	}
	if f.failure == retrying {
		f.attempts++
		w.setTimer(f, now+min(longestRetry, firstRetry<<min(f.attempts-1, 12)))
	}
}

// stop wraps the error of a bad row after which a file is not read on.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }
