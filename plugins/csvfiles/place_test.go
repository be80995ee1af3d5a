package csvfiles

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t testing.TB, path, content string) {
	require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
}

func read(t testing.TB, path string) string {
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// names returns the names in a directory, including hidden ones.
func names(t testing.TB, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestNumbersGoBeforeTheExtension(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"dir/events.csv":    "dir/events-2.csv",
		"events.csv.gz":     "events-2.csv.gz",
		"events.gz":         "events-2.gz",
		"dir.d/events":      "dir.d/events-2",
		"a.b.csv":           "a.b-2.csv",
		".csv":              ".csv-2",
		"/tmp/.hidden.csv":  "/tmp/.hidden-2.csv",
		"dir/events-1.csv":  "dir/events-1-2.csv",
		"dir/2024.01.31.gz": "dir/2024.01-2.31.gz",
	} {
		assert.Equal(t, filepath.FromSlash(want), filepath.FromSlash(suffixed(path, 2)))
		assert.Equal(t, path, suffixed(path, 0))
	}
}

func TestNoWayOfPlacingOverwrites(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(temp, target string) error{
		"as this system does": place, "by links": placeLinked, "by claims": placeClaimed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			temp, target := filepath.Join(dir, "temp"), filepath.Join(dir, "target")
			write(t, temp, "one")
			require.NoError(t, place(temp, target))
			assert.Equal(t, "one", read(t, target))
			assert.Equal(t, []string{"target"}, names(t, dir))

			write(t, temp, "two")
			require.ErrorIs(t, place(temp, target), errTaken)
			assert.Equal(t, "one", read(t, target))
			assert.Equal(t, "two", read(t, temp))

			require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o777))
			assert.ErrorIs(t, place(temp, filepath.Join(dir, "folder")), errTaken)

			require.NoError(t, os.Remove(temp))
			err := place(temp, filepath.Join(dir, "other"))
			assert.ErrorIs(t, err, fs.ErrNotExist)
			assert.NoFileExists(t, filepath.Join(dir, "other"))
		})
	}
}

func TestConcurrentWritersNeverOverwriteAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "events.csv")
	write(t, path, "somebody else's")

	const writers, each = 8, 20
	var wg sync.WaitGroup
	for range writers {
		p := newPublisher(false) // one each, as in separate processes
		wg.Go(func() {
			for range each {
				_, err := p.publish(path, []byte("ours"))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, "somebody else's", read(t, path))
	assert.Len(t, names(t, dir), writers*each+1, "each has a file of its own and nothing else is left")
}

func TestOnlyStaleTemporaryFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now()
	old, young := now.Add(-staleAfter-time.Second), now.Add(-time.Second)
	file := func(name string, at time.Time) {
		write(t, filepath.Join(dir, name), "x")
		require.NoError(t, os.Chtimes(filepath.Join(dir, name), at, at))
	}
	file(".csv_files-0123456789abcdef.tmp", old)
	file(".csv_files-fedcba9876543210.tmp", old)
	file(".csv_files-00000000000000ff.tmp", young)
	file(".csv_files-mine.tmp", old)
	file(".other-0123456789abcdef.tmp", old)
	file("events.csv", old)
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".csv_files-aaaaaaaaaaaaaaaa.tmp"), 0o777))
	require.NoError(t, os.Chtimes(filepath.Join(dir, ".csv_files-aaaaaaaaaaaaaaaa.tmp"), old, old))

	removed, err := removeStale(dir, now)
	require.NoError(t, err)
	assert.Equal(t, 2, removed)
	assert.Equal(t, []string{
		".csv_files-00000000000000ff.tmp", ".csv_files-aaaaaaaaaaaaaaaa.tmp", ".csv_files-mine.tmp",
		".other-0123456789abcdef.tmp", "events.csv",
	}, names(t, dir))

	removed, err = removeStale(filepath.Join(dir, "not", "there"), now)
	assert.NoError(t, err)
	assert.Zero(t, removed)
}

func TestTemporaryNamesMatchThePatternForRemoval(t *testing.T) {
	t.Parallel()
	file, err := createTemporary(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, file.Close())
	assert.Regexp(t, temporaryName, filepath.Base(file.Name()))
}
