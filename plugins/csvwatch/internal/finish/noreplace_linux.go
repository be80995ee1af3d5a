package finish

import (
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace renames in one step, if the kernel and the filesystem can do so only to a name that is free.
func renameNoReplace(path, target string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE); err != nil {
		return &os.LinkError{Op: "rename", Old: path, New: target, Err: err}
	}
	return nil
}
