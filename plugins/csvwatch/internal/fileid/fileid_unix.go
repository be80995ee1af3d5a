//go:build unix

package fileid

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Of looks at what path leads to; symbolic links are followed. It never blocks on a FIFO or a device.
func Of(path string) (Stat, error) {
	st, err := statAt(unix.AT_FDCWD, path)
	if err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return st, nil
}

// OfFile looks at an open file.
func OfFile(f *os.File) (Stat, error) {
	st, err := statOpen(int(f.Fd()))
	if err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return st, nil
}

// Open opens path for reading without ever waiting: not for the writer of a FIFO, not for a device. The caller checks
// that it got a regular file.
func Open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// HasOtherNames reports whether the file would remain under another name after removing path: path is a symbolic link,
// or one of several hard links.
func HasOtherNames(path string) bool {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Lstat(path, &st) }); err != nil {
		return false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFLNK || st.Nlink > 1
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func fromUnix(st *unix.Stat_t) Stat {
	return Stat{
		ID:       ID{Dev: uint64(st.Dev), Ino: st.Ino},
		Size:     st.Size,
		Modified: st.Mtim.Nano(),
		Changed:  st.Ctim.Nano(),
		Born:     birthOf(st),
		Mode:     fromUnixMode(uint32(st.Mode)),
	}
}

func fromUnixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	default:
		mode |= fs.ModeIrregular
	}
	return mode
}
