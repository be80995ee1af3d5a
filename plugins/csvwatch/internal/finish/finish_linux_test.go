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
	m := NewMover(filepath.Join(other, "done"))
	for _, want := range []string{"a.csv", "a-1.csv"} {
		path := write(t, filepath.Join(dir, "a.csv"), want)
		private := aside(t, path)
		require.NoError(t, m.Move(t.Context(), private, path))
		require.Equal(t, want, content(t, filepath.Join(other, "done", want)))
		require.NoFileExists(t, private)
	}
}
