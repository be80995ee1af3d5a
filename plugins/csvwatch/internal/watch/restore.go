package watch

import (
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// changedUnknown in place of a change time matches no file: whether it has changed since is to be found out.
const changedUnknown = -1

// restore takes up what is known from an earlier run.
func (w *Watcher) restore(e *positions.Entry) {
	m := checkpoint{
		at:    csvrows.Position{Offset: e.Offset, Row: e.Row},
		check: e.Content, legacy: e.Legacy, whole: e.Whole, size: e.Size, modified: e.Modified, changed: e.Changed,
	}
	if m.legacy != nil {
		m.changed = changedUnknown
	}
	f := &file{
		path: e.Path, channel: e.Channel, saving: saved, read: m, acked: m, handed: e.Handed,
		finishing: e.Finishing,
	}
	switch {
	case w.isForeign(e):
		f.foreign = e.Layout
	case e.Layout != w.layout:
		f.saving = outdated // what is handed out from now on is in the present layout
	}
	f.st = fileid.Stat{ID: e.File, Size: e.Size, Modified: e.Modified, Changed: m.changed, Born: e.Born}
	// With another birth time it is another file, whose inode was given again: both are looked for.
	if other := w.files[e.File]; other != nil && other.st.Born == f.st.Born {
		// A content was replaced and the process died before the older entry was forgotten. Channels are ordered by
		// the time they were made.
		if other.channel.String() > f.channel.String() {
			f, other = other, f
		}
		w.forget(other)
	}
	w.known[f] = struct{}{}
	w.files[e.File] = f
	w.lost.add(f)
}

// isForeign reports whether a position has no meaning with the present settings: its offset is in another encoding, or
// rows that were handed out might get the numbers of others.
func (w *Watcher) isForeign(e *positions.Entry) bool {
	switch {
	case e.Layout == "" || e.Layout == w.layout || (e.Offset == 0 && e.Handed.End == 0):
		return false
	case csvrows.EncodingOf(e.Layout) != csvrows.EncodingOf(w.layout):
		return true
	default:
		return e.Handed.End > e.Content.End
	}
}

// entry is what is kept of f.
func (w *Watcher) entry(f *file) positions.Entry {
	m := &f.acked
	e := positions.Entry{
		Channel: f.channel, File: f.st.ID, Born: f.st.Born, Path: f.path, Finishing: f.finishing,
		Size: f.st.Size, Modified: f.st.Modified, Changed: changedUnknown,
		Offset: m.at.Offset, Row: m.at.Row, Layout: w.layout, Content: m.check, Legacy: m.legacy,
	}
	if f.foreign != "" {
		e.Layout = f.foreign
	}
	if m.whole {
		e.Whole, e.Size, e.Modified = true, m.size, m.modified
		if f.recheck == 0 {
			e.Changed = m.changed
		}
	}
	if f.handed.End > m.check.End {
		e.Handed = f.handed
	}
	return e
}

// entries are all that is to be kept.
func (w *Watcher) entries() []positions.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	entries := make([]positions.Entry, 0, len(w.known)+len(w.packed.files))
	for f := range w.known {
		if f.saving != unsaved {
			entries = append(entries, w.entry(f))
		}
	}
	return w.packed.entries(entries, w)
}
