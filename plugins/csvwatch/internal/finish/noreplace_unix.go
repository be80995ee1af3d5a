//go:build unix && !linux

package finish

import "errors"

// renameNoReplace is not there.
func renameNoReplace(string, string) error { return errors.ErrUnsupported }
