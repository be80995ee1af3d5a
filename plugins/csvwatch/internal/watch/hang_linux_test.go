package watch

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/hungtest"
)

func TestOnlyTheFilesOfAHungFileSystemWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		what  string
		begin func(w *world) // asks for a file that hangs
		rows  []string       // of that file, after the hang
	}{
		{"an open", func(w *world) { w.write("in/hung/new.csv", "id,v\n2,b\n") }, []string{"2,b"}},
		{"a read", func(w *world) { w.append("in/hung/a.csv", "2,b\n") }, []string{"2,b"}},
		{"a timer", (*world).fireAll, nil},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mount(t, "tmpfs", w.path("in/hung"), "tmpfs", 0, "size=1m")
			w.options.Quiet, w.options.hungAfter = 50*time.Millisecond, 50*time.Millisecond
			h := w.hangIn("in/hung")
			t.Cleanup(func() {
				h.end()
				if w.watcher != nil {
					w.kill() // before the file system goes
				}
			})
			w.write("in/hung/a.csv", "id,v\n1,a\n")
			w.start()
			w.expect("1,a")

			h.begin()
			tt.begin(w)
			<-h.reached
			w.write("in/live/a.csv", "id,v\n4,d\n")
			w.arrive("4,d")
			w.append("in/live/a.csv", "5,e") // which only a timer completes
			w.write("in/hung/b.csv", "id,v\n3,c\n")
			w.write("in/live/b.csv", "id,v\n6,f\n")
			w.arrive("5,e", "6,f")
			require.Equal(t, 1, w.log.count(w.path("in/hung")), w.log)
			waited := w.watcher.Figures().AwaitingFiles
			require.NoError(t, w.watcher.ScanNow(t.Context()))
			require.Equal(t, waited, w.watcher.Figures().AwaitingFiles, "there is something to read")

			w.watcher.mu.Lock()
			stuck := w.watcher.reader.stuck
			w.watcher.mu.Unlock()
			require.LessOrEqual(t, stuck, 2, "what is known to hang is not asked again")
			h.end()
			w.expect(append(tt.rows, "3,c")...)
			require.Equal(t, 1, w.log.count("does not answer"))
			require.Equal(t, 1, w.log.count("answers again"))
			w.close()
		})
	}
}

// arrive waits for these rows, while others may be on their way.
func (w *world) arrive(rows ...string) {
	w.tb.Helper()
	require.NoError(w.tb, w.watcher.ScanNow(w.tb.Context()))
	slices.Sort(rows)
	var got []string
	w.until("the rows arrive", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.rows) < len(rows) {
			return false
		}
		for _, r := range w.rows {
			got = append(got, r.String())
		}
		w.rows = nil
		return true
	})
	slices.Sort(got)
	require.Equal(w.tb, rows, got)
}

func TestNewFilesAreFoundWhileAFolderHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.scanHungAfter = 500 * time.Millisecond
	end := hungtest.Mount(t, w.path("in/hung"))
	w.write("in/live/a.csv", "id,v\n1,a\n")
	w.start()
	t.Cleanup(func() {
		end()
		if w.watcher != nil {
			w.kill() // before the file system goes
		}
	})
	w.expect("1,a")
	w.write("in/new/b.csv", "id,v\n2,b\n")
	w.append("in/live/a.csv", "3,c\n")
	w.expect("2,b", "3,c")
	require.Equal(t, 1, w.log.count(w.path("in/hung")+" does not answer"), w.log)
	end()
	w.until("the end of the hang is logged", func() bool {
		require.NoError(t, w.watcher.ScanNow(t.Context()))
		return w.log.count("answers again") == 1
	})
	w.close()
}

func TestAHungFolderIsNotTakenAsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.scanHungAfter, w.options.ExitAfterRead = 500*time.Millisecond, true
	end := hungtest.Mount(t, w.path("in/hung"))
	w.write("in/a.csv", "id,v\n1,a\n")
	watcher := w.unpumped()
	_, segments := w.next(10)
	watcher.Done(segments[0])
	w.until("the file is at its end", func() bool {
		watcher.mu.Lock()
		defer watcher.mu.Unlock()
		return watcher.rows == 0 && watcher.queue.Len() == 0
	})
	require.False(t, watcher.allDone())
	end()
	w.until("the hang is over", func() bool {
		require.NoError(t, watcher.ScanNow(t.Context()))
		return w.log.count("answers again") == 1
	})
	w.until("all is read", watcher.allDone)
}

func TestFinishedFilesOfOtherFileSystemsAreCleanedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mount(t, "tmpfs", w.path("in/hung"), "tmpfs", 0, "size=1m")
	hang, reached := make(chan struct{}), make(chan struct{})
	w.options.Finish = func(_ context.Context, aside, path string) error {
		if path == w.path("in/hung/a.csv") {
			close(reached)
			<-hang
		}
		return os.Remove(aside)
	}
	w.hangs = true
	w.write("in/hung/a.csv", "id,v\n1,a\n")
	w.start()
	t.Cleanup(func() {
		if w.watcher != nil {
			w.kill() // before the file system goes
		}
	})
	w.expect("1,a")
	w.beQuiet()
	<-reached
	w.write("in/b.csv", "id,v\n2,b\n")
	w.expect("2,b")
	w.beQuiet()
	w.until("the other file is cleaned up", func() bool { return !w.exists("in/b.csv") })
	w.watcher.noteSlowCleanups(time.Now().Add(2 * longCleanup))
	w.watcher.noteSlowCleanups(time.Now().Add(2 * longCleanup))
	require.Equal(t, 1, w.log.count("in/hung/a.csv is finished, but deleting or moving it has taken more than"))
	close(hang)
	w.until("the first file is cleaned up", func() bool { return w.knownFiles() == 0 })
	w.until("the end is logged", func() bool { return w.log.count("are cleaned up again") == 1 })
	w.close()
}
