package positions

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// openLost opens a store of three entries in a directory of its own.
func openLost(t *testing.T) (d *Dir, path string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not let go of what is open")
	}
	path = filepath.Join(t.TempDir(), "state")
	d, err := OpenDir(path)
	require.NoError(t, err)
	live := []Entry{someEntry(1), someEntry(2), someEntry(3)}
	_, _, err = d.Load(t.Context(), func() []Entry { return live })
	require.NoError(t, err)
	require.NoError(t, d.Save(t.Context(), live, nil))
	return d, path
}

// requireKept checks that a store can be worked with, and keeps what it should over another start.
func requireKept(t *testing.T, d *Dir) {
	t.Helper()
	require.NoError(t, d.Save(t.Context(), nil, nil), "the next save makes up for it")
	require.NoError(t, d.Save(t.Context(), []Entry{someEntry(4)}, nil))
	_, err := OpenDir(d.path)
	require.ErrorIs(t, err, ErrInUse, "it is locked")
	require.NoError(t, d.Close())
	d, err = OpenDir(d.path)
	require.NoError(t, err)
	got, warning := load(t, d)
	require.Empty(t, warning)
	require.Len(t, got, 4)
	require.NoError(t, d.Close())
}

func TestPositionsThatAreDeletedWhileInUseAreWrittenAnew(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(path string) error{
		"the directory": os.RemoveAll,
		"the journal":   func(path string) error { return os.Remove(filepath.Join(path, journalName)) },
		"the lock and the journal": func(path string) error {
			if err := os.Remove(filepath.Join(path, lockName)); err != nil {
				return err
			}
			return os.Remove(filepath.Join(path, journalName))
		},
		"the journal, and another one is there": func(path string) error {
			if err := os.Rename(filepath.Join(path, journalName), filepath.Join(path, "old")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(path, journalName), []byte("something else\n"), 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, path := openLost(t)
			require.NoError(t, lose(path))
			require.EqualError(t, d.Save(t.Context(), []Entry{someEntry(1)}, nil),
				"saving positions: "+filepath.Join(path, journalName)+" was deleted or replaced while it was in use")
			requireKept(t, d)
		})
	}
}

func TestWhatIsInTheWayOfPositionsIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ block, free func(path string) error }{
		"a file in place of the directory": {
			func(path string) error { return os.WriteFile(path, nil, 0o644) },
			os.Remove,
		},
		"a directory in place of the journal": {
			func(path string) error { return os.MkdirAll(filepath.Join(path, journalName, "x"), 0o755) },
			func(path string) error { return os.RemoveAll(filepath.Join(path, journalName)) },
		},
		"a directory in place of the new journal": {
			func(path string) error { return os.MkdirAll(filepath.Join(path, journalName+".new", "x"), 0o755) },
			func(path string) error { return os.RemoveAll(filepath.Join(path, journalName+".new")) },
		},
		"a directory in place of the lock": {
			func(path string) error { return os.MkdirAll(filepath.Join(path, lockName), 0o755) },
			func(path string) error { return os.RemoveAll(filepath.Join(path, lockName)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, path := openLost(t)
			require.NoError(t, os.RemoveAll(path))
			require.NoError(t, c.block(path))
			for range 3 {
				err := d.Save(t.Context(), []Entry{someEntry(1)}, nil)
				require.Error(t, err)
				require.NotErrorIs(t, err, ErrInUse)
			}
			require.NoError(t, c.free(path))
			requireKept(t, d)
		})
	}
}

func TestADeletedDirectoryThatAnotherInstanceHasTakenIsItsOwn(t *testing.T) {
	t.Parallel()
	d, path := openLost(t)
	require.NoError(t, os.RemoveAll(path))
	other, err := OpenDir(path)
	require.NoError(t, err)
	load(t, other)
	require.ErrorIs(t, d.Save(t.Context(), []Entry{someEntry(1)}, nil), ErrInUse)
	require.NoError(t, d.Close())
	require.NoError(t, other.Close())
}
