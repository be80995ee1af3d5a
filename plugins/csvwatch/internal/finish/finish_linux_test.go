package finish

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileIsMovedToAnotherFilesystem(t *testing.T) {
	t.Parallel()
	other, err := os.MkdirTemp("/dev/shm", "csv-watch-test-")
	if err != nil {
		t.Skipf("there is no second filesystem: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(other) })
	dir := t.TempDir()
	for _, want := range []string{"a.csv", "a-1.csv"} {
		path := write(t, filepath.Join(dir, "a.csv"), want)
		to, err := Move(t.Context(), path, filepath.Join(other, "done"))
		require.NoError(t, err)
		require.Equal(t, filepath.Join(other, "done", want), to)
		require.Equal(t, want, content(t, to))
		require.NoFileExists(t, path)
	}
}
