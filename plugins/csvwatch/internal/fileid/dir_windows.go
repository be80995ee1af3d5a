package fileid

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a directory whose files are looked at.
type Dir struct {
	f *os.File
}

// OpenDir opens a directory for listing and looking.
func OpenDir(path string) (*Dir, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Dir{f}, nil
}

// ReadDir lists up to n entries that were not listed before; the error is io.EOF at the end.
func (d *Dir) ReadDir(n int) ([]fs.DirEntry, error) { return d.f.ReadDir(n) }

// Of looks at what a name in the directory leads to; symbolic links are followed.
func (d *Dir) Of(name string) (Stat, error) { return Of(filepath.Join(d.f.Name(), name)) }

// Close closes the directory.
func (d *Dir) Close() error { return d.f.Close() }
