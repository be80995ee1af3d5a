package finish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
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

func any1(fileid.Stat) bool { return true }

// aside takes a file aside.
func aside(t *testing.T, path string) string {
	t.Helper()
	to := Aside(path, "key")
	require.NoError(t, TakeAside(path, to, any1))
	require.NoFileExists(t, path)
	require.True(t, IsAside(to))
	require.False(t, IsAside(path))
	return to
}

func TestAFileIsMovedAndNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	done := filepath.Join(dir, "done", "deeper")
	m := NewMover(done)
	for _, c := range []struct{ name, want string }{
		{"a.csv", "a.csv"}, {"a.csv", "a-1.csv"}, {"a.csv", "a-2.csv"},
		{"b.csv.gz", "b.csv.gz"}, {"b.csv.gz", "b-1.csv.gz"}, {".c", ".c"}, {".c", ".c-1"}, {"d", "d"}, {"d", "d-1"},
	} {
		path := write(t, filepath.Join(dir, "in", c.name), c.want)
		require.NoError(t, m.Move(t.Context(), aside(t, path), path))
		require.NoFileExists(t, path)
		require.Equal(t, c.want, content(t, filepath.Join(done, c.want)))
	}
}

func TestAFreeNameIsFoundAmongVeryMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	done := filepath.Join(dir, "done")
	write(t, filepath.Join(done, "a.csv"), "")
	for n := 1; n <= 3000; n++ {
		write(t, filepath.Join(done, numbered("a.csv", n)), "")
	}
	tries := 0
	var n names
	place := func() {
		to, err := n.place(done, "a.csv", func(to string) error {
			tries++
			f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL, 0o600)
			if err == nil {
				err = f.Close()
			}
			return err
		})
		require.NoError(t, err)
		require.Contains(t, filepath.Base(to), "a-3")
	}
	for range 10 {
		place()
	}
	require.LessOrEqual(t, tries, 2*10)
	n = names{last: map[string]int{}}
	for i := range mostNames {
		n.last[fmt.Sprint(i)] = 1
	}
	place()
	require.Len(t, n.last, 1)
}

//promise:finish
func TestTheFileThatIsMeantIsTakenAndNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "a.csv"), "old")
	old, err := fileid.Of(path)
	require.NoError(t, err)
	isMeant := func(st fileid.Stat) bool { return st.ID == old.ID }
	private := Aside(path, "key")
	require.NoError(t, os.Rename(write(t, filepath.Join(dir, "next"), "new"), path))
	require.ErrorIs(t, TakeAside(path, private, isMeant), ErrOther)
	require.Equal(t, "new", content(t, path))
	require.NoFileExists(t, private)

	// A third one has come before it could be put back: both stay.
	taken := func(fileid.Stat) bool {
		write(t, path, "newer")
		return false
	}
	require.ErrorIs(t, TakeAside(path, private, taken), ErrOther)
	require.Equal(t, "newer", content(t, path))
	require.Equal(t, "new", content(t, filepath.Join(dir, "a-1.csv")))

	// One that a crash left aside comes back before the next one goes there.
	require.NoError(t, os.Rename(path, private))
	write(t, path, "newest")
	require.NoError(t, TakeAside(path, private, any1))
	require.Equal(t, "newest", content(t, private))
	require.Equal(t, "newer", content(t, filepath.Join(dir, "a-2.csv")))

	require.NoError(t, os.Remove(private))
	require.ErrorIs(t, TakeAside(filepath.Join(dir, "none"), private, any1), os.ErrNotExist)
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
	require.NoError(t, NewMover(filepath.Join(dir, "done", "deeper")).Move(t.Context(), aside(t, link), link))
	require.Equal(t, "text", content(t, filepath.Join(dir, "done", "deeper", "a.csv")))
	require.NoFileExists(t, link)
	require.FileExists(t, file)
}

func TestAFileThatIsThereAlreadyIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "done", "a.csv"), "text")
	private := aside(t, path)
	dirs := []string{filepath.Join(dir, "done"), filepath.Join(dir, "x", "..", "done")}
	if os.Symlink("done", filepath.Join(dir, "link")) == nil {
		dirs = append(dirs, filepath.Join(dir, "link"))
	}
	for _, done := range dirs {
		require.ErrorContains(t, NewMover(done).Move(t.Context(), private, path), "already, where finished files go")
		require.Equal(t, "text", content(t, private))
	}
}

func TestACopyIsGivenUpWhenItIsTimeToEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, copyOver(ended, path, filepath.Join(dir, "a.csv")), context.Canceled)
	require.ErrorIs(t, NewMover(filepath.Join(dir, "done")).Move(ended, path, path), context.Canceled)
	require.Equal(t, "text", content(t, path))
	left, err := os.ReadDir(filepath.Join(dir, "done"))
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left of it")
}

func TestAMoveThatACrashCutInTwoIsCompleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "in", "a.csv"), "text")
	private := aside(t, path)
	target := filepath.Join(dir, "a.csv")
	if err := os.Link(private, target); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, NewMover(dir).Move(t.Context(), private, path))
	require.NoFileExists(t, private)
	require.Equal(t, "text", content(t, target))
}
