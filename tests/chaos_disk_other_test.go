//go:build unix && !linux

package tests

import (
	"errors"
	"testing"
)

// chaosDisk is Linux's alone.
type chaosDisk struct{}

func newChaosDisk(testing.TB, string) *chaosDisk { return nil }

func (*chaosDisk) fill() error { return errors.ErrUnsupported }
func (*chaosDisk) free() error { return errors.ErrUnsupported }
