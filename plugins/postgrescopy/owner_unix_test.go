//go:build unix

package postgrescopy

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// sameOwner changes the owner of files to that of another one, as far as permitted.
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
