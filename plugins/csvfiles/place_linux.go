package csvfiles

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// place moves temp to target. It returns errTaken if target exists.
func place(temp, target string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return placeLinked(temp, target) // not supported by the file system or the kernel
	}
	return &os.LinkError{Op: "rename", Old: temp, New: target, Err: err}
}
