//go:build unix

package finish

import "os"

// renameNew renames only if the new name is free: making a second link fails when the name is taken, a rename would not.
func renameNew(path, target string) error {
	if err := os.Link(path, target); err != nil {
		return err
	}
	err := remove(path)
	if err == nil {
		return nil
	}
	info, gone := os.Lstat(target)
	if gone != nil {
		return &stayedError{err}
	}
	return stayed(err, path, info, target)
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
