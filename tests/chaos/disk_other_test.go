//go:build unix && !linux

package chaos

import (
	"errors"
	"testing"
)

// disk exists on Linux only.
type disk struct{}

func newDisk(testing.TB, string) *disk { return nil }

func (*disk) fill() error { return errors.ErrUnsupported }
func (*disk) free() error { return errors.ErrUnsupported }
