package watch

import (
	"encoding/binary"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// packedFiles are the files of which nothing is expected: they are read to their end, and saved. There may be very many, so
// each is a short string until it changes or is gone. All of it is under Watcher.mu.
type packedFiles struct {
	files map[fileid.ID]packedFile
	dirs  []string       // of the files
	index map[string]int // in dirs

	latest   []*file   // those that were modified last, at most so many
	most     int       // of them
	latestAt time.Time // when they were looked for
}

func newPackedFiles() packedFiles {
	return packedFiles{files: map[fileid.ID]packedFile{}, index: map[string]int{}}
}

// packedFile is a file: its modification time in eight bytes, then what else is known of it.
type packedFile string

func (p packedFile) modified() int64 { return int64(binary.BigEndian.Uint64([]byte(p[:8]))) }

// pack packs the files that can be. The watcher's lock is held.
func (w *Watcher) pack() {
	before := len(w.known)
	for f := range w.known {
		if _, dirty := w.dirty[f]; !dirty && w.opt.Finish == nil && w.files[f.st.ID] == f && f.isAtRest() {
			w.packed.add(f)
			f.dead = true // for timers that were set earlier
			delete(w.known, f)
			delete(w.files, f.st.ID)
		}
	}
	if len(w.known) < before/2 {
		w.known, w.files = shrink(w.known), shrink(w.files)
	}
}

// shrink returns a copy of a map that has become smaller, since a map keeps the memory of what is deleted from it.
func shrink[K comparable, V any](m map[K]V) map[K]V {
	small := make(map[K]V, len(m))
	maps.Copy(small, m)
	return small
}

// isAtRest reports whether all that is known of f is its position at its end. The lock is held.
func (f *file) isAtRest() bool {
	switch {
	case f.activity != resting || f.isMissing() || f.failed() || f.saving != saved || !f.seen || f.dead || f.finishing:
		return false
	case f.due != 0 || f.recheck != 0 || f.predecessor != nil || f.successor != nil:
		return false
	case f.alias != "" || f.more || f.said != "" || f.foreign != "" || f.read.legacy != nil:
		return false
	case f.isOpen.Load() || f.kept != nil || f.tally != nil || f.handed.End > f.read.check.End:
		return false
	}
	return f.isRead() && f.acked == f.read && f.line.Out() == 0
}

// fileOf returns the known file with an ID, unpacked; nil if there is none. The lock is held.
func (w *Watcher) fileOf(id fileid.ID) *file {
	f := w.files[id]
	if p, is := w.packed.files[id]; is && f == nil {
		f = w.packed.unpack(id, p)
		f.changed = w.now()
		delete(w.packed.files, id)
		w.packed.latest = slices.DeleteFunc(w.packed.latest, func(g *file) bool { return g.st.ID == id })
		w.known[f], w.files[id] = struct{}{}, f
	}
	return f
}

func (p *packedFiles) add(f *file) {
	dir, name := filepath.Split(f.path)
	in, known := p.index[dir]
	if !known {
		in = len(p.dirs)
		p.dirs = append(p.dirs, dir)
		p.index[dir] = in
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 128), uint64(f.st.Modified))
	b = binary.BigEndian.AppendUint64(b, f.read.check.Sum)
	b = binary.BigEndian.AppendUint64(b, f.read.check.Tail)
	b = append(b, f.channel[:]...)
	b = append(b, byte(f.writer), asByte(f.finished), asByte(f.logged))
	for _, n := range []int64{
		int64(in), f.st.Changed - f.st.Modified, f.st.Born - f.st.Modified, f.st.Size, int64(f.st.Mode),
		f.read.at.Offset - f.st.Size, f.read.at.Row, f.read.check.End - f.st.Size, int64(f.slices),
	} {
		b = binary.AppendVarint(b, n)
	}
	p.files[f.st.ID] = packedFile(append(b, name...))
	p.latest = insertLatest(p.latest, f, p.most)
}

func (p *packedFiles) unpack(id fileid.ID, is packedFile) *file {
	b := []byte(is)
	f := &file{saving: saved, seen: true}
	modified := int64(binary.BigEndian.Uint64(b))
	check := content.Check{Sum: binary.BigEndian.Uint64(b[8:]), Tail: binary.BigEndian.Uint64(b[16:])}
	copy(f.channel[:], b[24:])
	f.writer, f.finished, f.logged = writer(b[40]), b[41] != 0, b[42] != 0
	var n [9]int64
	b = b[43:]
	for i := range n {
		var width int
		n[i], width = binary.Varint(b)
		b = b[width:]
	}
	f.path = p.dirs[n[0]] + string(b)
	f.st = fileid.Stat{ID: id, Modified: modified, Changed: modified + n[1], Born: modified + n[2], Size: n[3], Mode: fs.FileMode(n[4])}
	check.End = f.st.Size + n[7]
	f.read = checkpoint{
		at: csvrows.Position{Offset: f.st.Size + n[5], Row: n[6]}, check: check,
		whole: true, size: f.st.Size, modified: modified, changed: f.st.Changed,
	}
	f.acked, f.slices = f.read, int32(n[8])
	return f
}

func asByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// newest returns at most so many packed files, those that were modified last. After others are gone it may take until
// snapshotEvery has passed for older ones to take their places.
func (p *packedFiles) newest(most int) []*file {
	if most != p.most || (len(p.latest) < min(most, len(p.files)) && time.Since(p.latestAt) >= snapshotEvery) {
		p.latest, p.most, p.latestAt = make([]*file, 0, most+1), most, time.Now()
		for id, is := range p.files {
			if n := len(p.latest); n < most || (n > 0 && is.modified() >= p.latest[n-1].st.Modified) {
				p.latest = insertLatest(p.latest, p.unpack(id, is), most)
			}
		}
	}
	return p.latest
}

// entries appends what is to be kept of the packed files of w.
func (p *packedFiles) entries(entries []positions.Entry, w *Watcher) []positions.Entry {
	for id, is := range p.files {
		entries = append(entries, w.entry(p.unpack(id, is)))
	}
	return entries
}
