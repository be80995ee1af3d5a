//go:build unix

package postgrescopy

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// sameOwner gives files the owner of another one, as far as we may.
func sameOwner(t *testing.T, as string, files ...string) {
	t.Helper()
	info, err := os.Stat(as)
	require.NoError(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	if os.Getuid() != 0 {
		return
	}
	for _, file := range files {
		require.NoError(t, os.Chown(file, int(stat.Uid), int(stat.Gid)))
	}
}
