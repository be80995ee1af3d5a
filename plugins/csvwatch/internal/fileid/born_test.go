package fileid

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAReusedInodeHasAnotherBirthTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
	before, err := Of(path)
	require.NoError(t, err)
	if before.Born == 0 {
		t.Skip("this filesystem does not tell when a file was made")
	}
	require.NoError(t, os.Truncate(path, 0))
	written, err := Of(path)
	require.NoError(t, err)
	require.Equal(t, before.Born, written.Born, "writing changes nothing")
	require.False(t, before.SameState(written))
	for range 100 { // a birth within the grain of the filesystem's clock looks the same
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
		after, err := Of(path)
		require.NoError(t, err)
		if after.Born != before.Born {
			return
		}
	}
	t.Fatal("the birth time never changed")
}
