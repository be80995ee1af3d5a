package watch

import (
	"fmt"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// refuse hands out one bad row that stands for the whole of f, which cannot be read because of how it begins. The number of
// that row is 0, so that after a restart, when f is refused again, it is known to be the same. The position of f stays at its
// start: f is read once it, or the configuration, is put right. The lock is held.
func (w *Watcher) refuse(f *file, why *csvrows.HeaderError) {
	if f.refused && f.read.at.Row == 0 {
		// Another reason than before: it is another row.
		if f.durable {
			w.gone = append(w.gone, f.channel)
		}
		f.channel, f.durable = positions.Channel{}, false
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
