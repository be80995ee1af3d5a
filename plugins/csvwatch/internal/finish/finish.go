// Package finish moves files that are done out of the way.
package finish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mostNames bounds the search for a free name.
const mostNames = 100_000

// remove is os.Remove, except in tests.
var remove = os.Remove

// Move puts the file at path into the directory dir, which is made if needed, and returns where it is now. Nothing is
// ever overwritten: when the name is taken, "-1", "-2" and so on is put before its extension. Across filesystems the
// file is copied, flushed to the disk, and only then removed from where it was. Of a symbolic link it is what it leads to
// that is copied, and the link that is removed. When the context ends, a copy is given up, which is its error.
func Move(ctx context.Context, path, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the directory for finished files: %w", err)
	}
	if isSame(os.Stat, filepath.Dir(path), dir) {
		// It would look as if a move had been cut in two.
		return "", fmt.Errorf("it is in %s already, where finished files go: leave that out of what is watched", dir)
	}
	for n := range mostNames {
		if ctx.Err() != nil {
			return "", fmt.Errorf("moving a finished file: %w", context.Cause(ctx))
		}
		target := filepath.Join(dir, numbered(filepath.Base(path), n))
		err := moveTo(ctx, path, target)
		switch {
		case err == nil:
			return target, nil
		case !errors.Is(err, fs.ErrExist) || errors.As(err, new(*stayedError)):
			return "", fmt.Errorf("moving a finished file: %w", err)
		}
	}
	return "", fmt.Errorf("moving a finished file: %s has too many files of the name %s", dir, filepath.Base(path))
}

// numbered puts a number before the extensions of a name; 0 for none.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	stem, ext := name, ""
	if dot := strings.IndexByte(name[1:], '.'); dot >= 0 {
		stem, ext = name[:dot+1], name[dot+1:]
	}
	return fmt.Sprintf("%s-%d%s", stem, n, ext)
}

// moveTo gives the file another name, which must be free: the error is fs.ErrExist when it is not.
func moveTo(ctx context.Context, path, target string) error {
	if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		// From another directory it might lead elsewhere or nowhere.
		return copyOver(ctx, path, target)
	}
	err := renameNew(path, target)
	if errors.Is(err, fs.ErrExist) && isSame(os.Lstat, path, target) {
		// A crash in the middle of an earlier move left both names.
		return os.Remove(path)
	}
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*stayedError)) {
		return err
	}
	// Another filesystem, or one that cannot rename in this way.
	return copyOver(ctx, path, target)
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
func copyOver(ctx context.Context, path, target string) error {
	if _, err := os.Lstat(target); err == nil {
		return fs.ErrExist
	}
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(target), ".moving-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name())
	if _, err = io.Copy(aside, &untilDone{ctx, src}); err == nil {
		err = aside.Sync()
	}
	err = errors.Join(err, aside.Close(), os.Chmod(aside.Name(), info.Mode().Perm()), os.Chtimes(aside.Name(), info.ModTime(), info.ModTime()))
	if err != nil {
		return err
	}
	now, err := src.Stat()
	if err = errors.Join(err, src.Close()); err != nil { // Windows removes no file that is open
		return err
	}
	if now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		return fmt.Errorf("%s has changed while it was copied", path)
	}
	if err := renameNew(aside.Name(), target); err != nil {
		return err
	}
	// The name is to be on its disk before the other one goes from another disk.
	err = syncDir(filepath.Dir(target))
	if err == nil {
		err = remove(path)
	}
	if err != nil {
		return stayed(err, path, info, target)
	}
	return nil
}

// stayedError is why a file could not be taken from where it was. Neither another name nor a copy would help.
type stayedError struct{ error }

func (e *stayedError) Unwrap() error { return e.error }

// stayed takes the new name away again when what it was, info, is still at path: or there would be one more with each try.
func stayed(err error, path string, info os.FileInfo, target string) error {
	if now, gone := os.Stat(path); gone == nil && os.SameFile(now, info) {
		err = errors.Join(err, os.Remove(target))
	}
	return &stayedError{err}
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
