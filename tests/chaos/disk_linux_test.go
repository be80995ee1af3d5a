package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// disk is a small disk for the positions.
type disk struct{ filler string }

// newDisk mounts a disk at dir, or returns nil if that is not permitted.
func newDisk(t testing.TB, dir string) *disk {
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
	return &disk{filler: filepath.Join(dir, "filler")}
}

// fill writes until no byte is free.
func (d *disk) fill() error {
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

// free removes what fill wrote.
func (d *disk) free() error { return os.Remove(d.filler) }
