package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// recorder notes what a scanner tells.
type recorder struct {
	found, gone []string
	warnings    []string
	infos       []string
}

func (r *recorder) Found(path string, _ fileid.Stat) { r.found = append(r.found, filepath.Base(path)) }
func (r *recorder) Gone(path string, _ fileid.ID)    { r.gone = append(r.gone, filepath.Base(path)) }
func (r *recorder) Infof(format string, args ...any) {
	r.infos = append(r.infos, fmt.Sprintf(format, args...))
}
func (r *recorder) Warnf(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}
func (r *recorder) take() (found, gone []string) {
	found, gone = r.found, r.gone
	r.found, r.gone = nil, nil
	return
}
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func scannerOf(t *testing.T, dir string, relied bool) (*Scanner, *recorder) {
	t.Helper()
	p, err := Compile([]string{filepath.ToSlash(dir) + "/**/*.csv"}, nil, false)
	require.NoError(t, err)
	r := &recorder{}
	return New(p, r, r, func(string) bool { return relied }, nil), r
}

func TestAScanFindsEveryChangeWithoutNotifications(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, false)
	for n := range 1500 {
		write(t, dir, fmt.Sprintf("%d.csv", n), "1")
	}
	require.NoError(t, s.Scan(t.Context(), false))
	found, _ := r.take()
	require.Len(t, found, 1500)
	for range 3 {
		write(t, dir, "700.csv", "1, and more")
		write(t, dir, "new/x.csv", "1")
		require.NoError(t, os.Remove(write(t, dir, "3.csv", "2")))
		letTimePass(s)
		require.NoError(t, s.Scan(t.Context(), false))
		found, gone := r.take()
		require.ElementsMatch(t, []string{"700.csv", "x.csv"}, found)
		require.Equal(t, []string{"3.csv"}, gone)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "700.csv"), []byte("1"), 0o644))
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "new")))
		write(t, dir, "3.csv", "1")
		letTimePass(s)
		require.NoError(t, s.Scan(t.Context(), false))
		r.take()
	}
}

// cool makes all files such as have been the same for a minute.
func cool(s *Scanner) {
	for _, c := range s.checks {
		clear(c.recent)
	}
}

// letTimePass makes every directory such as may be listed again because poll_interval has passed.
func letTimePass(s *Scanner) {
	for _, d := range s.dirs {
		d.cost = 0
	}
}

func TestScansMakeUpForLostNotifications(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, true)
	const files = 3 * notifiedChecks
	for n := range files {
		write(t, dir, fmt.Sprintf("a/%d.csv", n), "1")
	}
	for n := range 3 {
		write(t, dir, fmt.Sprintf("b/b%d.csv", n), "1")
	}
	require.NoError(t, s.Scan(t.Context(), true))
	found, _ := r.take()
	require.Len(t, found, files+3)
	cool(s)
	for _, name := range []string{"a/0.csv", "a/1234.csv", "b/b1.csv"} {
		write(t, dir, name, "1, and more")
	}
	scans := 0
	for len(found) > 0 || len(r.found) < 3 {
		found = nil
		require.NoError(t, s.Scan(t.Context(), false))
		scans++
		require.LessOrEqual(t, scans, 10)
	}
	require.ElementsMatch(t, []string{"0.csv", "1234.csv", "b1.csv"}, r.found)
}

func TestAChangingDirectoryDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, true)
	const files = 2 * notifiedChecks
	for n := range files {
		write(t, dir, fmt.Sprintf("%d.csv", n), "1")
	}
	require.NoError(t, s.Scan(t.Context(), true))
	r.take()
	cool(s)
	for n := range files {
		write(t, dir, fmt.Sprintf("%d.csv", n), "1, and more")
	}
	for range 6 {
		s.dirs[dir].listed = time.Time{} // as when something came or went
		require.NoError(t, s.Scan(t.Context(), false))
	}
	found, _ := r.take()
	require.Len(t, found, files)
}

func TestAScanFindsANewNameWithoutNotifications(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, true)
	require.NoError(t, s.Scan(t.Context(), true))
	for n := range 5 {
		write(t, dir, fmt.Sprintf("%d.csv", n), "1")
		letTimePass(s)
		require.NoError(t, s.Scan(t.Context(), false))
		found, _ := r.take()
		require.Equal(t, []string{fmt.Sprintf("%d.csv", n)}, found)
	}
}

func TestASkippedDirectoryMakesAScanIncomplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, true)
	require.NoError(t, s.Scan(t.Context(), true))
	require.True(t, s.Complete())
	s.dirs[dir].cost = time.Hour // it is listed again after fifty times as long
	write(t, dir, "new/a.csv", "1")
	require.NoError(t, s.Scan(t.Context(), false))
	found, _ := r.take()
	require.Empty(t, found)
	require.False(t, s.Complete())
	require.NoError(t, s.Scan(t.Context(), true))
	found, _ = r.take()
	require.Equal(t, []string{"a.csv"}, found)
	require.True(t, s.Complete())
}

func TestANotificationChecksOnlyItsPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, true)
	require.NoError(t, s.Scan(t.Context(), true))
	a := write(t, dir, "a.csv", "1")
	write(t, dir, "b.csv", "1")
	require.False(t, s.Look(a))
	found, _ := r.take()
	require.Equal(t, []string{"a.csv"}, found)
	require.False(t, s.Look(filepath.Join(dir, "other.txt")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	require.True(t, s.Look(filepath.Join(dir, "sub")), "a directory asks for a scan")
	require.NoError(t, os.Remove(a))
	require.False(t, s.Look(a))
	_, gone := r.take()
	require.Equal(t, []string{"a.csv"}, gone)
}

func TestABaseThatIsAFileIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir, "file", "1")
	s, r := scannerOf(t, file, true)
	for range 3 {
		require.NoError(t, s.Scan(t.Context(), false))
	}
	require.Equal(t, []string{file + " is not a directory, so nothing below it can be read"}, r.warnings)
}

func TestABaseThatAppearsBeforeItsWatchIsScanned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base := filepath.Join(dir, "a", "b")
	s, r := scannerOf(t, base, true)
	var watched []string
	s.watch = func(path string) bool {
		watched = append(watched, path)
		switch path {
		case dir: // too late to be notified of what comes now
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "a"), 0o755))
		case filepath.Join(dir, "a"):
			write(t, base, "1.csv", "1")
		}
		return true
	}
	require.NoError(t, s.Scan(t.Context(), false))
	found, _ := r.take()
	require.Equal(t, []string{"1.csv"}, found)
	require.Equal(t, []string{dir, filepath.Join(dir, "a"), base}, watched)
	require.Empty(t, r.warnings)
}

func TestANewFolderIsScannedBeforeItsParent(t *testing.T) {
	t.Parallel()
	for _, link := range []bool{false, true} {
		dir := t.TempDir()
		s, r := scannerOf(t, dir, true)
		require.NoError(t, s.Scan(t.Context(), true))
		s.dirs[dir].cost = time.Hour // it is listed again after fifty times as long
		sub := filepath.Join(dir, "sub")
		if link {
			require.NoError(t, os.Symlink(t.TempDir(), sub))
		} else {
			require.NoError(t, os.Mkdir(sub, 0o755))
		}
		write(t, sub, "a.csv", "1")
		require.True(t, s.Look(sub))
		require.NoError(t, s.Scan(t.Context(), false))
		found, _ := r.take()
		require.Equal(t, []string{"a.csv"}, found)
	}
}

func TestManyRecentFilesAreDroppedTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := scannerOf(t, dir, true)
	for n := range notifiedChecks + 1 {
		write(t, dir, fmt.Sprintf("%d.csv", n), "1")
	}
	require.NoError(t, s.Scan(t.Context(), true))
	recent := s.checks[true].recent
	require.Len(t, recent, notifiedChecks+1)
	for p := range recent {
		recent[p] = time.Now().Add(-2 * recentTime)
	}
	require.NoError(t, s.Scan(t.Context(), false))
	require.Empty(t, s.checks[true].recent)
}
