package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mount mounts something for the time of a test, or skips it where that is not allowed.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) (unmount func()) {
	t.Helper()
	require.NoError(t, os.MkdirAll(target, 0o755))
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("mounting a filesystem for the test is not allowed here: %v", err)
	}
	mounted := true
	unmount = func() {
		if mounted {
			require.NoError(t, syscall.Unmount(target, 0))
			mounted = false
		}
	}
	t.Cleanup(unmount)
	return unmount
}

func TestAFullPositionsDiskDelaysNewFilesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mount(t, "tmpfs", w.path("state"), "tmpfs", 0, "size=64k")
	t.Cleanup(func() {
		if w.watcher != nil {
			w.kill() // before the disk goes
		}
	})
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n")
	w.expect("1,a")
	filler, err := os.Create(w.path("state/filler"))
	require.NoError(t, err)
	for err == nil {
		_, err = filler.Write(make([]byte, 1024))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, filler.Close())
	for {
		// The journal's own last page has room left; it is filled up by saves until nothing goes in any more.
		w.append("in/a.csv", "2,b\n")
		w.expect("2,b")
		if err := w.watcher.save(t.Context()); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			break
		}
	}

	w.write("in/new.csv", "id,v\n3,c\n")
	w.until("the log says so", func() bool { return w.log.count("no space left on device: new files wait until it works") == 1 })
	w.mu.Lock()
	require.Empty(t, w.rows)
	w.mu.Unlock()

	require.NoError(t, os.Remove(w.path("state/filler")))
	w.until("the new file is read", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.rows) == 1
	})
	w.expect("3,c")
	require.Equal(t, 1, w.log.count("no space left on device: new files wait until it works"))
	require.Equal(t, 1, w.log.count("no space left on device: if this process is killed before it works"))
	require.Equal(t, 1, w.log.count("positions can be saved again"))

	// And what is kept is right.
	require.NoError(t, w.watcher.save(t.Context()))
	w.kill()
	w.start()
	w.expect()
	w.close()
}

func TestFilesOfAnUnmountedFilesystemAreNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("poll", nil)
	mount(t, "tmpfs", w.path("disk"), "tmpfs", 0, "size=1m")
	unmount := mount(t, w.path("disk"), w.path("in/disk"), "", syscall.MS_BIND, "")
	w.start()
	t.Cleanup(func() {
		if w.watcher != nil {
			w.kill()
		}
	})
	w.write("in/disk/a.csv", "id,v\n1,a\n")
	w.expect("1,a")
	w.beQuiet() // so that it is no longer open
	unmount()
	for range 10 {
		require.NoError(t, w.watcher.ScanNow(t.Context()))
	}
	require.Equal(t, 1, w.knownFiles())
	mount(t, w.path("disk"), w.path("in/disk"), "", syscall.MS_BIND, "")
	w.expect()
	w.append("in/disk/a.csv", "2,b\n")
	w.expect("2,b")
	w.close()
}

func TestABrieflyMissingFolderIsNotReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.write("in/a/x.csv", "id,v\n1,a\n")
	w.write("in/b/x.csv", "id,v\n")
	w.expect("1,a")
	w.beQuiet() // so that it is no longer open
	w.rename("in/a", "elsewhere")
	w.until("it is missed", func() bool {
		w.watcher.mu.Lock()
		defer w.watcher.mu.Unlock()
		return len(w.watcher.lost.keys) == 1
	})
	var rows []string
	for n := range 20 { // each time there is a hint about a folder, and then one that comes after what it led to
		require.NoError(t, os.Chmod(w.path("in/b"), 0o700+os.FileMode(n%2)))
		rows = append(rows, fmt.Sprintf("%d,b", n))
		w.append("in/b/x.csv", rows[n]+"\n")
		w.came(n + 1)
	}
	w.rename("elsewhere", "in/a")
	w.expect(rows...)
	w.append("in/a/x.csv", "2,a\n")
	w.expect("2,a")
}

func TestAReadErrorIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n")
	w.expect("1,a")
	// What is read next fails, as on a disk with a bad cable.
	r := &w.watcher.reader
	r.w.mu.Lock()
	require.Len(t, r.open, 1)
	for f := range r.open {
		require.NoError(t, f.open.file.Close())
	}
	r.w.mu.Unlock()
	w.append("in/a.csv", "2,b\n")
	w.until("it is read after all", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.rows) == 1
	})
	w.expect("2,b")
	require.Equal(t, 1, w.log.count("a.csv cannot be read"))
	require.Equal(t, 1, w.log.count("a.csv is read again"))
}

func TestNotificationTellsWithinMoments(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // which looks by itself once an hour
	w.start()
	w.settle()
	w.write("in/a.csv", "id,v\n1,a\n")
	w.until("it has come", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.rows) == 1
	})
}

func TestManyFilesAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.BatchRows = 7
	const files = 300
	start := time.Now().Add(-time.Hour)
	for n := range files {
		name := filepath.Join("in", strings.Repeat("x", n%5), string(rune('a'+n%26))+".csv")
		name = strings.TrimSuffix(name, ".csv") + "-" + time.Duration(n).String() + ".csv"
		w.write(name, "id,v\n")
		w.append(name, time.Duration(n).String()+",x\n")
		at := start.Add(time.Duration(n) * time.Second)
		require.NoError(t, os.Chtimes(w.path(name), at, at))
	}
	w.start()
	w.settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(t, w.rows, files)
	for n, row := range w.rows {
		require.Equal(t, time.Duration(n).String(), row.cells[0])
	}
	w.rows = nil
}
