package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
)

// replaceWhen renames another file over the one that is about to be cleaned up, once.
func (w *world) replaceWhen(name, text string) {
	w.options.beforeAside = func(string) {
		if text != "" {
			w.write("next", text)
			w.rename("next", name)
			text = ""
		}
	}
}

//promise:finish
func TestAFileThatTakesTheNameFirstStays(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"deleted", "moved", "moved to another filesystem"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			done := w.path("done")
			if how == "moved to another filesystem" {
				var err error
				if done, err = os.MkdirTemp("/dev/shm", "csv-watch-test-"); err != nil {
					t.Skipf("there is no second filesystem: %v", err)
				}
				t.Cleanup(func() { os.RemoveAll(done) })
			}
			w.options.Finish = remove
			if how != "deleted" {
				w.options.Finish = finish.NewMover(done).Move
			}
			w.replaceWhen("in/latest.csv", "id,v\n7,new\n8,new\n")
			w.start()
			w.write("in/latest.csv", "id,v\n1,a\n")
			w.expect("1,a")
			w.beQuiet()
			w.came(2)
			w.expect("7,new", "8,new")
			w.beQuiet()
			w.until("the new one is finished too", func() bool { return w.knownFiles() == 0 })
			if how != "deleted" {
				text, err := os.ReadFile(filepath.Join(done, "latest.csv"))
				require.NoError(t, err)
				require.Equal(t, "id,v\n7,new\n8,new\n", string(text), "the old one was gone before it was moved")
			}
			left, err := os.ReadDir(w.path("in"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestAFileThatComesDuringTheCopyStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	move := finish.NewMover(w.path("done")).Move
	first := true
	w.options.Finish = func(ctx context.Context, aside, path string) error {
		if first {
			first = false
			w.write("next", "id,v\n7,new\n8,new\n")
			w.rename("next", "in/latest.csv")
		}
		return move(ctx, aside, path)
	}
	w.start()
	w.write("in/latest.csv", "id,v\n1,a\n")
	w.expect("1,a")
	w.beQuiet()
	w.came(2)
	w.expect("7,new", "8,new")
	w.until("the old one is moved", func() bool { return w.exists("done/latest.csv") })
	text, err := os.ReadFile(w.path("done/latest.csv"))
	require.NoError(t, err)
	require.Equal(t, "id,v\n1,a\n", string(text))
	text, err = os.ReadFile(w.path("in/latest.csv"))
	require.NoError(t, err)
	require.Equal(t, "id,v\n7,new\n8,new\n", string(text))
}

// TestAKillWhileAFileIsAsideLosesNothing ends the process between the two halves of cleaning up.
//
//promise:finish
func TestAKillWhileAFileIsAsideLosesNothing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the files of a process that is killed are not let go of here")
	}
	for _, c := range []struct {
		name  string
		after func(w *world) // what happens before the next start
		rows  []string
	}{
		{"nothing happens", func(*world) {}, nil},
		{"another file has the name", func(w *world) { w.write("in/a.csv", "id,v\n2,b\n") }, []string{"2,b"}},
		{"the file was another one", func(w *world) {
			asides, err := filepath.Glob(w.path("in/.csv_watch-*"))
			require.NoError(w.tb, err)
			require.Len(w.tb, asides, 1)
			w.write("next", "id,v\n3,c\n")
			require.NoError(w.tb, os.Rename(w.path("next"), asides[0]))
		}, []string{"3,c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.globs = append(w.globs, "in/.csv_watch*") // which never matches
			w.hangs = true
			aside := make(chan struct{})
			w.options.Finish = func(ctx context.Context, path, _ string) error {
				close(aside)
				<-ctx.Done()
				return errors.Join(ctx.Err(), os.Rename(path, path+".kept")) // so that it cannot be put back, as after a kill
			}
			w.start()
			w.write("in/a.csv", "id,v\n1,a\n")
			w.expect("1,a")
			w.beQuiet()
			<-aside
			require.False(t, w.exists("in/a.csv"))
			w.kill()
			kept, err := filepath.Glob(w.path("in/.csv_watch-*.kept"))
			require.NoError(t, err)
			require.Len(t, kept, 1)
			require.NoError(t, os.Rename(kept[0], kept[0][:len(kept[0])-len(".kept")]))
			c.after(w)
			w.options.Finish, w.hangs = remove, false
			w.start()
			w.expect(c.rows...)
			w.beQuiet()
			w.until("all is cleaned up", func() bool {
				left, err := os.ReadDir(w.path("in"))
				require.NoError(t, err)
				return len(left) == 0
			})
			w.expect()
		})
	}
}

func TestAFailedCleanupPutsTheFileBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := errors.New("the archive is full")
	failed := 0
	w.options.Finish = func(_ context.Context, aside, _ string) error {
		if failed++; failed <= 3 {
			return full
		}
		return os.Remove(aside)
	}
	w.options.Quiet, w.options.cleanRetry = 5*time.Millisecond, 50*time.Millisecond
	w.start()
	began := time.Now()
	w.write("in/a.csv", "id,v\n1,a\n")
	w.until("it is gone", func() bool { return w.knownFiles() == 0 && w.log.count("cleaned up") > 0 })
	require.GreaterOrEqual(t, time.Since(began), 3*w.options.cleanRetry)
	w.expect("1,a")
	require.False(t, w.exists("in/a.csv"))
	require.Equal(t, 4, failed)
	require.Equal(t, 1, w.log.count("cannot be cleaned up: the archive is full"))
}

func TestAForgottenFileIsNotReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("in/a.csv", "id,v\n1,a\n")
	w.start()
	w.expect("1,a")
	watcher := w.watcher
	watcher.mu.Lock()
	defer watcher.mu.Unlock()
	for f := range watcher.known {
		watcher.forget(f)
		next := &file{path: w.path("in/b.csv"), st: f.st, seen: true}
		watcher.known[next], watcher.files[f.st.ID] = struct{}{}, next
		watcher.replace(f, watcher.now())
		require.Same(t, next, watcher.files[f.st.ID], "another file has the inode")
		require.Len(t, watcher.known, 1)
		break
	}
}
