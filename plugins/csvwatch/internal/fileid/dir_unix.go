//go:build unix

package fileid

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Dir is an open directory, through which many files can be looked at for less than by their paths.
type Dir struct {
	f *os.File
}

// OpenDir opens a directory for listing and looking.
func OpenDir(path string) (*Dir, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &Dir{f}, nil
}

// ReadDir lists up to n entries that were not listed before; the error is io.EOF at the end.
func (d *Dir) ReadDir(n int) ([]fs.DirEntry, error) { return d.f.ReadDir(n) }

// Of looks at what a name in the directory leads to; symbolic links are followed.
func (d *Dir) Of(name string) (Stat, error) {
	st, err := statAt(int(d.f.Fd()), name)
	if err != nil {
		return Stat{}, &fs.PathError{Op: "stat", Path: filepath.Join(d.f.Name(), name), Err: err}
	}
	return st, nil
}

// Close closes the directory.
func (d *Dir) Close() error { return d.f.Close() }
