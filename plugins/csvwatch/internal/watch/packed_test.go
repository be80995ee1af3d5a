package watch

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// letRest waits until all files are packed.
func (w *world) letRest() {
	w.tb.Helper()
	w.beQuiet()
	require.NoError(w.tb, w.watcher.save(w.tb.Context()))
	w.settle()
	w.watcher.mu.Lock()
	defer w.watcher.mu.Unlock()
	require.Empty(w.tb, w.watcher.known)
	require.NotEmpty(w.tb, w.watcher.packed.files)
}

func TestAPackedFileWakesOnEachChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(w *world)
		rows   []string
		known  int
	}{
		{"nothing", func(*world) {}, nil, 2},
		{"it grows", func(w *world) { w.append("in/a.csv", "3,z\n") }, []string{"3,z"}, 2},
		{"a cell changes in place", func(w *world) {
			f, err := os.OpenFile(w.path("in/a.csv"), os.O_WRONLY, 0)
			require.NoError(w.tb, err)
			_, err = f.WriteAt([]byte("1,X"), 5)
			require.NoError(w.tb, err)
			require.NoError(w.tb, f.Close())
		}, []string{"1,X", "2,y"}, 2},
		{"it is renamed", func(w *world) { w.rename("in/a.csv", "in/c.csv") }, nil, 2},
		{"it is renamed and grows", func(w *world) {
			w.rename("in/a.csv", "in/c.csv")
			w.append("in/c.csv", "3,z\n")
		}, []string{"3,z"}, 2},
		{"it is replaced by a longer one", func(w *world) {
			w.write("aside", "id,v\n1,x\n2,y\n3,z\n")
			w.rename("aside", "in/a.csv")
		}, []string{"3,z"}, 2},
		{"it is replaced by equal bytes", func(w *world) {
			w.write("aside", "id,v\n1,x\n2,y\n")
			w.rename("aside", "in/a.csv")
		}, []string{"1,x", "2,y"}, 2},
		{"it is touched", func(w *world) {
			require.NoError(w.tb, os.Chtimes(w.path("in/a.csv"), time.Time{}, time.Now().Add(-time.Hour)))
		}, nil, 2},
		{"it gets a second name", func(w *world) {
			require.NoError(w.tb, os.Link(w.path("in/a.csv"), w.path("in/c.csv")))
		}, nil, 2},
		{"it is deleted", func(w *world) { w.remove("in/a.csv") }, nil, 1},
	} {
		for _, stopped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stopped=%t", c.name, stopped), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.write("in/a.csv", "id,v\n1,x\n2,y\n")
				w.write("in/b.csv", "id,v\n8,b\n")
				w.start()
				w.expect("1,x", "2,y", "8,b")
				w.letRest()
				if stopped {
					w.kill()
					c.change(w)
					w.start()
				} else {
					c.change(w)
				}
				w.expect(c.rows...)
				for range 3 { // what is gone is forgotten only after some complete scans
					require.NoError(t, w.watcher.ScanNow(t.Context()))
				}
				require.Equal(t, c.known, w.knownFiles())
			})
		}
	}
}

func TestAPackedFileKeepsItsPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 20 {
		w.write(fmt.Sprintf("in/%d/%d.csv", n%3, n), csvOf(fmt.Sprint(n), n+1))
	}
	w.start()
	w.beQuiet()
	before := w.watcher.entries()
	w.letRest()
	require.ElementsMatch(t, before, w.watcher.entries())
}

func TestPackedFilesAreListedLatestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	for n := range 9 {
		w.write(fmt.Sprintf("in/%d.csv", n), csvOf("x", n+1))
		require.NoError(t, os.Chtimes(w.path(fmt.Sprintf("in/%d.csv", n)), time.Time{}, now.Add(time.Duration(n-20)*time.Hour)))
	}
	w.start()
	w.settle()
	before := w.watcher.Files(4)
	require.Len(t, before, 4)
	w.letRest()
	require.Equal(t, before, w.watcher.Files(4), "packing changes nothing of it")
	w.append("in/2.csv", "9,new\n")
	w.settle()
	after := w.watcher.Files(4)
	require.Equal(t, w.path("in/2.csv"), after[0].Path)
	require.Equal(t, before[:3], after[1:])
}
