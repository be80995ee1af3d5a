//go:build unix

package watch

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func makeSpecial(tb testing.TB, kind, path string) {
	switch kind {
	case "fifo":
		require.NoError(tb, syscall.Mkfifo(path, 0o644))
	case "socket":
		l, err := net.Listen("unix", path)
		require.NoError(tb, err)
		tb.Cleanup(func() { l.Close() })
	}
}
