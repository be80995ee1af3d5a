//go:build unix

package fileid

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOtherFileTypesAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	for path, kind := range map[string]fs.FileMode{fifo: fs.ModeNamedPipe, socket: fs.ModeSocket, "/dev/null": fs.ModeDevice | fs.ModeCharDevice} {
		st, err := Of(path)
		require.NoError(t, err)
		require.Equal(t, kind, st.Mode.Type(), path)
	}
	// With nobody at the other end this would wait for ever if it waited at all.
	f, err := Open(fifo)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestARenamedFileDiffersFromAWrittenOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(a, []byte("text"), 0o600))
	st, err := Of(a)
	require.NoError(t, err)
	require.False(t, st.Touched())
	past := time.Now().Add(-time.Minute)
	require.NoError(t, os.Chtimes(a, past, past))
	require.NoError(t, os.Rename(a, b))
	st, err = Of(b)
	require.NoError(t, err)
	require.True(t, st.Touched())
}
