// Package identity decides, from what is known of files without reading them, whether a file that is found may be one
// that was read before.
//
// # The rule
//
// No single mark identifies a file: names are given again, inodes are given again, device numbers change with a mount,
// equal bytes may stand in two files, and a file may be rewritten in place. So what was read of a file belongs to the
// file that is found if
//
//  1. it is the same file of the filesystem, which is to say that inode and birth time are equal, whatever the device
//     number; where the filesystem tells no birth time, device and inode are equal, and so are the name or size and
//     modification time; or it is a copy of that file, with its name, size and modification time; or it has replaced
//     that file under its name and is longer; and
//
//  2. every byte that was read, and handed out, still stands at its place in it. Only where the same file has the size,
//     modification time and change time of the moment when that was known last, this needs no look at the bytes.
//
// In every other case it is another file, or another content in the same one, and is read from its start.
package identity

import (
	"path/filepath"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// Evidence is what is known of a file without reading it.
type Evidence struct {
	// Path leads to the file.
	Path string
	// Name is the path below the directory that is watched. It need not be set for a file that was read before.
	Name string
	fileid.Stat
}

// Relation is how a file that is found relates to one that was read before.
type Relation uint8

const (
	// Other is another file, which has nothing to do with the one that was read.
	Other Relation = iota
	// Unchanged is the same file, in the same state.
	Unchanged
	// Changed is the same file, which was written to, renamed, or touched: it has the same content if what was read of
	// it still stands.
	Changed
	// Restored is a copy of the file with its name, size and modification time: it goes on if what was read still stands.
	Restored
	// Extended is a longer file in the place of the one that was read: it goes on if what was read still stands.
	Extended
)

// Compare relates a file that is found to one that was read, of which was is what was known when it was read.
func Compare(was, is Evidence) Relation {
	switch {
	case isSameFile(was, is):
		if was.SameState(is.Stat) {
			return Unchanged
		}
		return Changed
	case !isSameName(was, is):
		return Other
	case is.Size == was.Size && isSameTime(was.Modified, is.Modified):
		return Restored
	case is.Size > was.Size:
		return Extended
	default:
		return Other
	}
}

func isSameFile(was, is Evidence) bool {
	if was.ID.Ino != is.ID.Ino {
		return false
	}
	if was.Born != 0 && is.Born != 0 {
		return was.Born == is.Born
	}
	if was.ID.Dev != is.ID.Dev {
		return false
	}
	return was.Path == is.Path || (was.Size == is.Size && was.Modified == is.Modified)
}

// isSameName reports whether the file has its name still, perhaps below another directory that is watched now.
func isSameName(was, is Evidence) bool {
	if was.Path == is.Path {
		return true
	}
	return is.Name != "" && strings.HasSuffix(was.Path, string(filepath.Separator)+is.Name)
}

// isSameTime reports whether a modification time was kept by a copy. Some programs and filesystems keep whole seconds.
func isSameTime(was, is int64) bool {
	const second = 1e9
	return was == is || (is%second == 0 && was/second == is/second)
}
