package watch

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isTooManyOpen reports whether this process may open no more files.
func isTooManyOpen(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_OPEN_FILES) }
