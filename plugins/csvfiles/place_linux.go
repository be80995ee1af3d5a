package csvfiles

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// place moves temp to target, which must not exist: errTaken says that it does.
func place(temp, target string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return placeLinked(temp, target) // a file system or kernel without it
	}
	return &os.LinkError{Op: "rename", Old: temp, New: target, Err: err}
}
