//go:build unix

package finish

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// renameNew renames only if the new name is free.
func renameNew(path, target string) error {
	err := renameNoReplace(path, target)
	if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	// Making a second link fails when the name is taken; a rename would not.
	if err = os.Link(path, target); err == nil {
		return os.Remove(path)
	}
	if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// The filesystem has no links.
	if _, err := os.Lstat(target); err == nil {
		return &os.LinkError{Op: "rename", Old: path, New: target, Err: fs.ErrExist}
	}
	return os.Rename(path, target)
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
