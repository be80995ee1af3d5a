package tests

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// chaosDisk is a small disk of its own under the positions.
type chaosDisk struct{ filler string }

// newChaosDisk mounts one at dir, or returns nil where that is not allowed.
func newChaosDisk(t testing.TB, dir string) *chaosDisk {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		return nil
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &chaosDisk{filler: filepath.Join(dir, "filler")}
}

// fill leaves no byte free.
func (d *chaosDisk) fill() error {
	f, err := os.Create(d.filler)
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// free makes room again.
func (d *chaosDisk) free() error { return os.Remove(d.filler) }
