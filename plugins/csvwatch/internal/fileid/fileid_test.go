package fileid

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFileIsTheSameUnderAnyName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(a, []byte("text"), 0o600))
	before, err := Of(a)
	require.NoError(t, err)
	require.Equal(t, int64(4), before.Size)
	require.True(t, before.Mode.IsRegular())
	require.WithinDuration(t, time.Now(), before.ModTime(), time.Minute)

	f, err := Open(a)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Rename(a, b), "an open file is free to be renamed")
	open, err := OfFile(f)
	require.NoError(t, err)
	after, err := Of(b)
	require.NoError(t, err)
	require.Equal(t, before.ID, open.ID)
	require.Equal(t, before.ID, after.ID)
	d, err := OpenDir(dir)
	require.NoError(t, err)
	defer d.Close()
	byName, err := d.Of("b")
	require.NoError(t, err)
	require.Equal(t, after, byName)

	require.NoError(t, os.WriteFile(a, []byte("text"), 0o600))
	other, err := Of(a)
	require.NoError(t, err)
	require.NotEqual(t, before.ID, other.ID)

	require.NoError(t, os.Remove(b), "an open file is free to be deleted")
	_, err = Of(b)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = d.Of("b")
	require.ErrorIs(t, err, fs.ErrNotExist)
	text := make([]byte, 4)
	_, err = f.ReadAt(text, 0)
	require.NoError(t, err)
	require.Equal(t, "text", string(text))

	folder, err := Of(dir)
	require.NoError(t, err)
	require.True(t, folder.Mode.IsDir())
}
