//go:build unix

package watch

import (
	"errors"
	"syscall"
)

// isTooManyOpen reports whether this process, or the whole machine, may open no more files.
func isTooManyOpen(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
