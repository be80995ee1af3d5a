package watch

import (
	"path/filepath"
	"slices"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/identity"
)

// lostFiles are the files that are known and were not found: not yet in this run, or not any more. They can be looked up
// by what a file that is found may have in common with them. All of it is under Watcher.mu.
type lostFiles struct {
	keys   map[*file]lostKey
	names  map[string][]*file
	inodes map[uint64][]*file
}

// lostKey is where a file is in the maps.
type lostKey struct {
	name  string
	inode uint64
}

func newLostFiles() lostFiles {
	return lostFiles{keys: map[*file]lostKey{}, names: map[string][]*file{}, inodes: map[uint64][]*file{}}
}

func (l *lostFiles) add(f *file) {
	if l.has(f) {
		return
	}
	k := lostKey{filepath.Base(f.path), f.st.ID.Ino}
	l.keys[f] = k
	l.names[k.name] = append(l.names[k.name], f)
	l.inodes[k.inode] = append(l.inodes[k.inode], f)
}

func (l *lostFiles) remove(f *file) {
	k, has := l.keys[f]
	if !has {
		return
	}
	delete(l.keys, f)
	if l.names[k.name] = without(l.names[k.name], f); len(l.names[k.name]) == 0 {
		delete(l.names, k.name)
	}
	if l.inodes[k.inode] = without(l.inodes[k.inode], f); len(l.inodes[k.inode]) == 0 {
		delete(l.inodes, k.inode)
	}
	if len(l.keys) == 0 {
		*l = newLostFiles() // a map keeps the memory of what is deleted from it
	}
}

func without(files []*file, f *file) []*file {
	return slices.DeleteFunc(files, func(g *file) bool { return g == f })
}

func (l *lostFiles) has(f *file) bool {
	_, has := l.keys[f]
	return has
}

// sameFile returns the lost file that a found one is, under another device number; nil if there is none.
func (l *lostFiles) sameFile(is identity.Evidence) *file {
	for _, f := range l.inodes[is.ID.Ino] {
		if r := f.relation(is); r == identity.Unchanged || r == identity.Changed {
			return f
		}
	}
	return nil
}

// predecessor returns the lost file that a found one may be a copy of, or a longer version; nil if there is none.
func (l *lostFiles) predecessor(is identity.Evidence, extended bool) (best *file) {
	var of identity.Relation
	newest := l.newestAt(is.Path)
	for _, f := range l.names[filepath.Base(is.Path)] {
		if newest != nil && f != newest {
			continue // what the found file has replaced is the newest one
		}
		r := f.relation(is)
		if (r != identity.Restored && (r != identity.Extended || !extended)) || f.foreign != "" || f.finishing || f.read.at.Row == 0 {
			continue
		}
		if best == nil || r < of || (r == of && f.channel.String() > best.channel.String()) {
			best, of = f, r
		}
	}
	return best
}

// newestAt returns the one that was read last of those that had a path; nil if there is none. Channels are ordered by the
// time they were made.
func (l *lostFiles) newestAt(path string) (newest *file) {
	for _, f := range l.names[filepath.Base(path)] {
		if f.path == path && (newest == nil || f.channel.String() > newest.channel.String()) {
			newest = f
		}
	}
	return newest
}
