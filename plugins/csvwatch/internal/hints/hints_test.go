package hints

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waitFor takes hints until one is about path.
func waitFor(t *testing.T, h *Hints, path string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case <-h.Ready():
			paths, all := h.Take()
			if _, has := paths[path]; has || all {
				return
			}
		case <-deadline:
			t.Fatalf("there was no hint about %s", path)
		}
	}
}

func TestChangesInADirectoryAreReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := New()
	require.NoError(t, err)
	defer h.Close()
	for range 2 {
		_, err = h.Watch(dir)
		require.NoError(t, err)
	}
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(a, []byte("1"), 0o600))
	waitFor(t, h, a)
	f, err := os.OpenFile(a, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString("2")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	waitFor(t, h, a)
	require.NoError(t, os.Rename(a, b))
	waitFor(t, h, b)
	require.NoError(t, os.Remove(b))
	waitFor(t, h, b)
}

func TestARecreatedDirectoryIsWatchedAgain(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "sub")
	h, err := New()
	require.NoError(t, err)
	defer h.Close()
	_, err = h.Watch(parent)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, os.Mkdir(dir, 0o755))
		waitFor(t, h, dir)
		_, err = h.Watch(dir)
		require.NoError(t, err)
		file := filepath.Join(dir, "a")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		waitFor(t, h, file)
		require.NoError(t, os.RemoveAll(dir))
		waitFor(t, h, dir)
	}
	h.Forget(dir)
}

func TestAMissingDirectoryCannotBeWatched(t *testing.T) {
	t.Parallel()
	h, err := New()
	require.NoError(t, err)
	_, err = h.Watch(filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "asking for change notifications of ")
	require.NoError(t, h.Close())
}

func TestTooManyHintsBecomeOne(t *testing.T) {
	t.Parallel()
	h := &Hints{ready: make(chan struct{}, 1), paths: map[string]struct{}{}}
	h.lost()
	<-h.Ready()
	_, all := h.Take()
	require.True(t, all)
	_, all = h.Take()
	require.False(t, all)
}
