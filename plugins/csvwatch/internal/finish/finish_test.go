package finish

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o640))
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestAFileIsMovedAndNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	done := filepath.Join(dir, "done", "deeper")
	for _, c := range []struct{ name, want string }{
		{"a.csv", "a.csv"}, {"a.csv", "a-1.csv"}, {"a.csv", "a-2.csv"},
		{"b.csv.gz", "b.csv.gz"}, {"b.csv.gz", "b-1.csv.gz"}, {".c", ".c"}, {".c", ".c-1"}, {"d", "d"}, {"d", "d-1"},
	} {
		path := write(t, filepath.Join(dir, "in", c.name), c.want)
		to, err := Move(t.Context(), path, done)
		require.NoError(t, err)
		require.Equal(t, filepath.Join(done, c.want), to)
		require.NoFileExists(t, path)
		require.Equal(t, c.want, content(t, to))
	}
}

func TestAcrossFilesystemsAFileIsCopiedWithItsTimesAndRights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	before, err := os.Stat(path)
	require.NoError(t, err)
	target := filepath.Join(dir, "a.csv")
	require.NoError(t, copyOver(t.Context(), path, target))
	after, err := os.Stat(target)
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime())
	require.Equal(t, before.Mode(), after.Mode())
	require.Equal(t, "text", content(t, target))
	require.NoFileExists(t, path)

	path = write(t, path, "other")
	require.ErrorIs(t, copyOver(t.Context(), path, target), os.ErrExist)
	require.Equal(t, "text", content(t, target))
	require.Equal(t, "other", content(t, path))
	left, err := filepath.Glob(filepath.Join(dir, ".moving*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestOfALinkTheContentIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "elsewhere", "a"), "text")
	link := filepath.Join(dir, "in", "a.csv")
	require.NoError(t, os.Mkdir(filepath.Dir(link), 0o755))
	if err := os.Symlink("../elsewhere/a", link); err != nil {
		t.Skipf("this system makes no links: %v", err)
	}
	to, err := Move(t.Context(), link, filepath.Join(dir, "done", "deeper"))
	require.NoError(t, err)
	require.Equal(t, "text", content(t, to))
	require.NoFileExists(t, link)
	require.FileExists(t, file)
}

func TestAFileThatIsThereAlreadyIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "done", "a.csv"), "text")
	dirs := []string{filepath.Join(dir, "done"), filepath.Join(dir, "x", "..", "done")}
	if os.Symlink("done", filepath.Join(dir, "link")) == nil {
		dirs = append(dirs, filepath.Join(dir, "link"))
	}
	for _, done := range dirs {
		_, err := Move(t.Context(), path, done)
		require.ErrorContains(t, err, "already, where finished files go")
		require.Equal(t, "text", content(t, path))
	}
}

func TestACopyIsGivenUpWhenItIsTimeToEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, copyOver(ended, path, filepath.Join(dir, "a.csv")), context.Canceled)
	require.Equal(t, "text", content(t, path))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left of it")
}

func TestAFileThatIsGoneIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Move(t.Context(), filepath.Join(dir, "none"), filepath.Join(dir, "done"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAMoveThatACrashCutInTwoIsCompleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	target := filepath.Join(dir, "a.csv")
	require.NoError(t, os.Link(path, target))
	to, err := Move(t.Context(), path, dir)
	require.NoError(t, err)
	require.Equal(t, target, to)
	require.NoFileExists(t, path)
	require.Equal(t, "text", content(t, target))
}

// Without t.Parallel: what removes is replaced.
func TestOfAFileThatCannotBeRemovedNothingIsLeftElsewhere(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	done := filepath.Join(dir, "done")
	tries := 0
	t.Cleanup(func() { remove = os.Remove })
	remove = func(name string) error {
		if name == path {
			tries++
			return &os.PathError{Op: "remove", Path: name, Err: os.ErrPermission}
		}
		return os.Remove(name)
	}
	moves := map[string]func() error{
		"copied": func() error { return copyOver(t.Context(), path, filepath.Join(done, "a.csv")) },
	}
	if runtime.GOOS != "windows" { // which renames without removing
		moves["moved"] = func() error { _, err := Move(t.Context(), path, done); return err }
	}
	require.NoError(t, os.Mkdir(done, 0o755))
	for how, move := range moves {
		tries = 0
		require.ErrorIs(t, move(), os.ErrPermission, how)
		require.Equal(t, 1, tries, how)
		left, err := os.ReadDir(done)
		require.NoError(t, err)
		require.Empty(t, left, how)
		require.Equal(t, "text", content(t, path))
	}

	// What somebody else removed meanwhile has only its new name.
	remove = func(name string) error {
		err := os.Remove(name)
		if name == path {
			err = errors.Join(err, os.ErrPermission)
		}
		return err
	}
	require.ErrorIs(t, moves["copied"](), os.ErrPermission)
	require.NoFileExists(t, path)
	require.Equal(t, "text", content(t, filepath.Join(done, "a.csv")))
}

func TestNoNameIsLookedForWhenItIsTimeToEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := Move(ended, path, filepath.Join(dir, "done"))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "text", content(t, path))
}
