package discover

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/hungtest"
)

func TestAFolderThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, dir string) (end func()){
		"a folder": func(t *testing.T, dir string) func() { return hungtest.Mount(t, filepath.Join(dir, "a")) },
		"a folder behind a link": func(t *testing.T, dir string) func() {
			hung := filepath.Join(t.TempDir(), "hung")
			end := hungtest.Mount(t, hung)
			require.NoError(t, os.Symlink(hung, filepath.Join(dir, "a")))
			return end
		},
		"a file behind a link": func(t *testing.T, dir string) func() {
			hung := filepath.Join(t.TempDir(), "hung")
			end := hungtest.Mount(t, hung)
			require.NoError(t, os.Symlink(filepath.Join(hung, "a.csv"), filepath.Join(dir, "a.csv")))
			return end
		},
	}
	for what, hang := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, r := scannerOf(t, dir, false)
			s.HungAfter = 500 * time.Millisecond
			end := hang(t, dir)
			write(t, dir, "b/1.csv", "1")
			write(t, dir, "z.csv", "1")
			require.NoError(t, s.Scan(t.Context(), false))
			found, _ := r.take()
			require.ElementsMatch(t, []string{"1.csv", "z.csv"}, found)
			require.True(t, s.Hangs())
			require.False(t, s.Complete())
			write(t, dir, "b/2.csv", "1")
			letTimePass(s)
			require.NoError(t, s.Scan(t.Context(), false))
			found, gone := r.take()
			require.Equal(t, []string{"2.csv"}, found)
			require.Empty(t, gone)
			require.Len(t, r.warnings, 1)
			require.Contains(t, r.warnings[0], filepath.Join(dir, "a"))
			require.Contains(t, r.warnings[0], "does not answer")

			end()
			<-s.hung[0].done
			require.NoError(t, s.Scan(t.Context(), false))
			require.False(t, s.Hangs())
			require.True(t, strings.HasSuffix(r.infos[len(r.infos)-1], "answers again"))
		})
	}
}

func TestWhatIsKnownOfAHungFolderStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := filepath.Join(dir, "a")
	require.NoError(t, os.Mkdir(a, 0o755))
	if err := syscall.Mount("tmpfs", a, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a file system for the test is not allowed here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(a, syscall.MNT_DETACH)) })
	s, r := scannerOf(t, dir, false)
	s.HungAfter = 500 * time.Millisecond
	hang := make(chan struct{})
	var hangs atomic.Bool
	s.beforeCall = func(path string) {
		if hangs.Load() && strings.HasPrefix(path, a) {
			<-hang
		}
	}
	write(t, a, "1.csv", "1")
	write(t, a, "deep/2.csv", "1")
	require.NoError(t, s.Scan(t.Context(), false))
	r.take()

	hangs.Store(true)
	write(t, a, "3.csv", "1")
	write(t, dir, "4.csv", "1")
	for range 3 {
		require.NoError(t, s.Scan(t.Context(), true))
		require.False(t, s.Complete())
	}
	require.Len(t, s.hung, 1, "what is known to hang is not asked again")
	require.False(t, s.Look(filepath.Join(a, "1.csv")))
	found, gone := r.take()
	require.Equal(t, []string{"4.csv"}, found)
	require.Empty(t, gone)

	hangs.Store(false)
	close(hang)
	<-s.hung[0].done
	require.NoError(t, s.Scan(t.Context(), false))
	found, gone = r.take()
	require.Equal(t, []string{"3.csv"}, found)
	require.Empty(t, gone)
	require.True(t, s.Complete())
}
