// Package fileid tells files apart by what the filesystem calls them, not by their names: a renamed file stays the
// same file, and another file under an old name is another one.
package fileid

import (
	"io/fs"
	"strconv"
	"time"
)

// ID names a file on this machine for as long as it exists and its filesystem stays mounted: device and inode on Unix,
// volume and file index on Windows. A filesystem may give the ID of a deleted file to a new one, and get another device
// number when it is mounted again.
type ID struct {
	Dev, Ino uint64
}

// String is short and stable, for logs.
func (id ID) String() string {
	return strconv.FormatUint(id.Dev, 16) + ":" + strconv.FormatUint(id.Ino, 16)
}

// Stat is what a look at a file shows.
type Stat struct {
	ID   ID
	Size int64
	// Modified is when the content was last written, in nanoseconds since 1970.
	Modified int64
	// Changed is when the content or what the filesystem keeps beside it (name, permissions, times) was last changed;
	// 0 where the system does not tell.
	Changed int64
	// Born is when the filesystem made the file, in nanoseconds since 1970; 0 where it does not tell. Two files of one
	// filesystem that had the same ID one after the other differ in it.
	Born int64
	// Mode has the type bits and the permissions.
	Mode fs.FileMode
}

// SameState reports whether size and times are equal, so that nothing was written in between as far as the filesystem can
// tell.
func (s Stat) SameState(o Stat) bool {
	return s.Size == o.Size && s.Modified == o.Modified && s.Changed == o.Changed
}

// ModTime is Modified as a time.
func (s Stat) ModTime() time.Time { return time.Unix(0, s.Modified) }

// LastChange returns when the content was last written or the file renamed into place; where the system does not tell
// the latter, when it was last written.
func (s Stat) LastChange() time.Time { return time.Unix(0, max(s.Modified, s.Changed)) }

// Touched reports whether the last change was not a write: a finished file was renamed into place, or had its times or
// permissions set. It is false if the system does not record that, and within the resolution of the file system's clock.
func (s Stat) Touched() bool { return s.Changed > s.Modified }
