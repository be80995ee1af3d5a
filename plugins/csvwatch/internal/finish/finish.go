// Package finish deletes files that are done, or moves them out of the way.
//
// A name may be given to another file at any moment: by a producer that renames its next file over the last one. So a
// file is first taken aside under a private name, and only then looked at and finished.
package finish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Delete deletes the file that was taken aside.
func Delete(_ context.Context, aside, _ string) error { return os.Remove(aside) }

// Mover moves files into a directory. It is safe for concurrent use.
type Mover struct {
	dir   string
	mu    sync.Mutex
	names names
}

// NewMover returns a Mover into a directory, which is made when the first file comes.
func NewMover(dir string) *Mover { return &Mover{dir: dir} }

// Move puts the file that was taken aside into the directory, under the name that path ends with. Nothing is ever
// overwritten: when the name is taken, a number is put before its extension. Across filesystems the file is copied,
// flushed to the disk, and only then removed from where it was. Of a symbolic link it is what it leads to that is copied,
// and the link that is removed. When the context ends, a copy is given up, which is its error.
func (m *Mover) Move(ctx context.Context, aside, path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return fmt.Errorf("making the directory for finished files: %w", err)
	}
	if isSame(os.Stat, filepath.Dir(path), m.dir) {
		return fmt.Errorf("it is in %s already, where finished files go: leave that out of what is watched", m.dir)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("moving a finished file: %w", context.Cause(ctx))
	}
	_, err := m.names.place(m.dir, filepath.Base(path), func(to string) error { return moveTo(ctx, aside, to) })
	if err != nil {
		return fmt.Errorf("moving a finished file: %w", err)
	}
	return nil
}

// moveTo gives the file another name, which must be free: the error is fs.ErrExist when it is not.
func moveTo(ctx context.Context, aside, target string) error {
	if link, err := os.Lstat(aside); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		// From another directory it might lead elsewhere or nowhere.
		return copyOver(ctx, aside, target)
	}
	err := renameNew(aside, target)
	if errors.Is(err, fs.ErrExist) && isSame(os.Lstat, aside, target) {
		// A crash in the middle of an earlier move left both names.
		return os.Remove(aside)
	}
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Another filesystem, or one that cannot rename in this way.
	return copyOver(ctx, aside, target)
}

func isSame(look func(string) (os.FileInfo, error), path, target string) bool {
	a, err := look(path)
	if err != nil {
		return false
	}
	b, err := look(target)
	return err == nil && os.SameFile(a, b)
}

// copyOver copies the file and then removes it. A copy that was cut short has no name of its own yet.
func copyOver(ctx context.Context, aside, target string) error {
	if _, err := os.Lstat(target); err == nil {
		return fs.ErrExist
	}
	src, err := os.Open(aside)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(target), ".moving-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if _, err = io.Copy(part, &untilDone{ctx, src}); err == nil {
		err = part.Sync()
	}
	err = errors.Join(err, part.Close(), os.Chmod(part.Name(), info.Mode().Perm()), os.Chtimes(part.Name(), info.ModTime(), info.ModTime()))
	if err != nil {
		return err
	}
	now, err := src.Stat()
	if err = errors.Join(err, src.Close()); err != nil { // Windows removes no file that is open
		return err
	}
	if now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		return errors.New("it has changed while it was copied")
	}
	if err := renameNew(part.Name(), target); err != nil {
		return err
	}
	// The name is to be on its disk before the other one goes from another disk.
	if err = syncDir(filepath.Dir(target)); err == nil {
		err = os.Remove(aside)
	}
	if err != nil {
		return errors.Join(err, os.Remove(target)) // or there would be one more with each try
	}
	return nil
}

// untilDone reads until a context ends.
type untilDone struct {
	ctx context.Context
	src io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.src.Read(p)
}
