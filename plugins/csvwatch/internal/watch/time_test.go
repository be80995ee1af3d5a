package watch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// came waits until so many rows have come, without doing anything that would make them come.
func (w *world) came(n int) {
	w.tb.Helper()
	w.until(fmt.Sprint("rows have come: ", n), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.rows) >= n
	})
}

func TestPollingAloneFindsAllThatHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Notify, w.options.PollInterval = false, 5*time.Millisecond
	w.globs = []string{"in/**/*.csv", "later/*.csv"}
	w.write("in/before.csv", "id,v\n1,a\n")
	w.start()
	w.came(1)
	w.write("in/a.csv", "id,v\n2,b\n")
	w.came(2)
	w.append("in/a.csv", "3,c\n")
	w.came(3)
	w.write("later/x.csv", "id,v\n4,d\n")
	w.came(4)
	w.rename("in/a.csv", "in/sub/b.csv")
	w.append("in/sub/b.csv", "5,e\n")
	w.came(5)
	w.write("in/sub/b.csv", "id,v\n6,f\n")
	w.came(6)
	w.write("aside", "id,v\n7,g\n")
	w.rename("aside", "in/before.csv")
	w.came(7)
	w.expect("1,a", "2,b", "3,c", "4,d", "5,e", "6,f", "7,g")
}

func TestWhatNotificationDoesNotTellIsFoundByPolling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.PollInterval = 5 * time.Millisecond
	w.write("in/a.csv", "id,v\n1,a\n")
	w.start()
	w.came(1)
	// As on a filesystem that tells nothing, or when the system's queue ran over.
	require.NoError(t, w.watcher.notifications.Close())
	w.append("in/a.csv", "2,b\n")
	w.came(2)
	w.write("in/b.csv", "id,v\n3,c\n")
	w.came(3)
	w.expect("1,a", "2,b", "3,c")
}

func TestALastRecordIsReadAfterTheQuietTime(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"in/a.csv", "in/a.csv.gz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.Quiet = 50 * time.Millisecond
			w.options.Finish = remove
			w.start()
			text := "id,v\n1,a\n2,b"
			if name != "in/a.csv" {
				text = gzipped(t, text)
			}
			began := time.Now()
			w.write(name, text)
			w.came(2)
			require.GreaterOrEqual(t, time.Since(began), w.options.Quiet)
			w.until("the file is gone", func() bool { return !w.exists(name) })
			w.expect("1,a", "2,b")
		})
	}
}

func TestAGrowingFileHasFewTimers(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // whose quiet time is an hour
	w.write("in/a.csv", "id,v\n")
	w.start()
	for n := range 100 {
		w.append("in/a.csv", fmt.Sprintf("%d,a\n", n))
		w.came(n + 1)
	}
	w.watcher.mu.Lock()
	defer w.watcher.mu.Unlock()
	require.LessOrEqual(t, w.watcher.timers.Len(), 2, "for its quiet time, and to be compared once more")
}

func TestARenamedFileIsReadAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // whose quiet time is an hour
	w.write("aside", "id,v\n1,a\n2,b")
	w.age("aside", time.Minute)
	w.start()
	w.rename("aside", "in/a.csv")
	w.came(2)
	w.expect("1,a", "2,b")
}

func TestAFileIsReadWhenItIsOldEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.MinimumAge = 50 * time.Millisecond
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n")
	written, err := os.Stat(filepath.Join(w.dir, "in/a.csv"))
	require.NoError(t, err)
	w.came(1)
	require.GreaterOrEqual(t, time.Since(written.ModTime()), w.options.MinimumAge)
	w.expect("1,a")
}

// A clock that is set shows in modification times only: all else is measured from the start of the watch.
func TestAClockThatGoesBackMakesNoDifference(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Quiet = 50 * time.Millisecond
	w.options.MinimumAge = 10 * time.Millisecond
	w.options.Finish = remove
	w.write("in/a.csv", "id,v\n1,a\n")
	w.age("in/a.csv", -48*time.Hour)
	w.start()
	w.came(1)
	w.until("the file is gone", func() bool { return !w.exists("in/a.csv") })

	w.options.Finish = nil
	w.close()
	w.start()
	w.write("in/b.csv", "id,v\n2,b\n")
	w.age("in/b.csv", -24*time.Hour)
	w.came(2)
	w.append("in/b.csv", "3,c\n")
	w.age("in/b.csv", 0)
	w.came(3)
	w.append("in/b.csv", "4,d\n5,torn")
	w.age("in/b.csv", 24*time.Hour)
	w.came(4)
	w.close()
	w.start()
	w.append("in/b.csv", "\n")
	w.age("in/b.csv", 48*time.Hour)
	w.came(5)
	w.expect("1,a", "2,b", "3,c", "4,d", "5,torn")
}

func TestPositionsAreSavedAtTheirInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.SaveEvery = 5 * time.Millisecond
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n2,b\n")
	w.expect("1,a", "2,b")
	w.until("the position is saved", func() bool {
		w.watcher.mu.Lock()
		defer w.watcher.mu.Unlock()
		return len(w.watcher.dirty) == 0
	})
	func() { // a save that is under way ends
		w.watcher.storeMu.Lock()
		defer w.watcher.storeMu.Unlock()
	}()
	w.kill()
	w.start()
	w.expect()
}

func TestALongMoveDelaysNeitherPositionsNorEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.SaveEvery, w.options.Quiet = 5*time.Millisecond, 5*time.Millisecond
	moving := make(chan struct{})
	w.options.Finish = func(ctx context.Context, _, _ string) error {
		close(moving)
		<-ctx.Done() // as a copy does that is not done yet
		return ctx.Err()
	}
	w.start()
	w.write("in/large.csv", "id,v\n1,a\n")
	w.came(1)
	<-moving
	w.options.Finish = nil
	w.write("in/b.csv", "id,v\n2,b\n")
	w.came(2)
	w.until("the position is saved", func() bool {
		w.watcher.mu.Lock()
		defer w.watcher.mu.Unlock()
		return len(w.watcher.dirty) == 0
	})
	w.close()
	require.Zero(t, w.log.count("cannot be cleaned up"))
	w.start()
	w.expect("1,a", "2,b")
	require.True(t, w.exists("in/large.csv"))
}

// slow is a store whose saves, while armed, last until their context ends.
type slow struct {
	positions.Store
	armed  atomic.Bool
	saving chan struct{}
}

func (s *slow) Save(ctx context.Context, changed []positions.Entry, gone []positions.Channel) error {
	if s.armed.Swap(false) {
		close(s.saving)
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.Save(ctx, changed, gone)
}

func TestAnInterruptedLastSaveIsNoFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir, err := positions.OpenDir(w.path("state"))
	require.NoError(t, err)
	store := &slow{Store: dir, saving: make(chan struct{})}
	w.options.Store = store
	w.options.Finish, w.hangs = remove, true
	w.write("in/a.csv", "id,v\n1,a\n")
	w.start()
	w.expect("1,a")
	store.armed.Store(true)
	w.beQuiet() // the file is finished, for which its position is saved first
	<-store.saving
	w.close()
	require.Zero(t, w.log.count("finished files stay"))
}

func TestAFileThatGrowsBeforeItsCleanupIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hangs = true
	removing, release := make(chan string, 2), make(chan struct{})
	w.options.Finish = func(_ context.Context, aside, path string) error {
		removing <- path
		<-release
		return os.Remove(aside)
	}
	w.write("in/a.csv", "id,v\n1,a\n")
	w.write("in/b.csv", "id,v\n2,b\n")
	w.start()
	w.expect("1,a", "2,b")
	w.watcher.mu.Lock()
	for _, f := range w.watcher.files {
		f.writer = paused
		w.watcher.finish[f] = struct{}{}
	}
	w.watcher.mu.Unlock()
	cleaned := make(chan struct{})
	go func() {
		defer close(cleaned)
		w.watcher.finishFiles()
	}()
	other := "in/a.csv"
	if <-removing == w.path(other) {
		other = "in/b.csv"
	}
	w.mu.Lock()
	w.hold = true
	w.mu.Unlock()
	w.append(other, "3,c\n")
	w.expect("3,c")
	close(release)
	<-cleaned
	require.True(t, w.exists(other), "its last row is not done")
	require.Empty(t, removing)
	w.releaseHeld()
	w.beQuiet()
	w.until("the file is gone", func() bool { return !w.exists(other) })
}

// faulty is a store of which one call fails, before or after it was carried out, as when an answer is lost.
type faulty struct {
	positions.Store
	mu    sync.Mutex
	calls int
	fail  int // the number of the call, from 1
	after bool
	fails int // how many calls fail from there on
}

var errFault = errors.New("no connection")

func (s *faulty) Save(ctx context.Context, changed []positions.Entry, gone []positions.Channel) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	failing := s.calls >= s.fail && s.calls < s.fail+s.fails
	if failing && !s.after {
		return errFault
	}
	if err := s.Store.Save(ctx, changed, gone); err != nil {
		return err
	}
	if failing {
		return errFault
	}
	return nil
}

// TestAStoreThatFailsAtAnyStepLosesNothing lets each of the saves of a history fail in turn, once and several times.
func TestAStoreThatFailsAtAnyStepLosesNothing(t *testing.T) {
	t.Parallel()
	for step := 1; step <= 8; step++ {
		for _, fails := range []int{1, 3} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("step %d, %d times, after %v", step, fails, after), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					store := &faulty{fail: step, fails: fails, after: after}
					open := func() {
						dir, err := positions.OpenDir(w.path("state"))
						require.NoError(t, err)
						store.Store = dir
						w.options.Store = store
						w.start()
					}
					save := func() { // until it works, as the keeper does
						for w.watcher.save(t.Context()) != nil {
							continue
						}
					}
					open()
					w.write("in/a.csv", "id,v\n1,a\n")
					w.expect("1,a")
					save()
					w.write("in/b.csv", "id,v\n2,b\n")
					w.append("in/a.csv", "3,c\n")
					w.expect("2,b", "3,c")
					save()
					w.rename("in/a.csv", "in/c.csv")
					w.write("in/b.csv", "id,v\n4,d\n")
					w.expect("4,d")
					save()
					w.remove("in/b.csv")
					w.settle()
					w.kill()
					open()
					w.expect()
					w.append("in/c.csv", "5,e\n")
					w.expect("5,e")
					w.kill()
					open()
					w.expect("5,e") // nothing was saved of it
				})
			}
		}
	}
}

func TestABrokenStoreIsLoggedOnceAndFinally(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.SaveEvery = time.Millisecond
	dir, err := positions.OpenDir(w.path("state"))
	require.NoError(t, err)
	store := &faulty{Store: dir}
	w.options.Store = store
	calls := func() int {
		store.mu.Lock()
		defer store.mu.Unlock()
		return store.calls
	}
	w.start()
	w.write("in/a.csv", "id,v\n1,a\n")
	w.expect("1,a")
	store.mu.Lock()
	store.fail, store.fails = store.calls+1, math.MaxInt32
	store.mu.Unlock()
	w.append("in/a.csv", "2,b\n")
	w.expect("2,b")
	w.write("in/new.csv", "id,v\n3,c\n")
	w.until("the new file waits", func() bool { return w.log.count("new files wait until it works") > 0 })
	had := calls()
	w.until("it was tried again", func() bool { return calls() > had+20 })
	require.Equal(t, 2, w.log.count(errFault.Error()), "once for new files and once for those that are known")

	w.stop()
	<-w.pumped
	require.ErrorIs(t, w.watcher.Close(t.Context()), errFault)
	w.watcher = nil
	require.Equal(t, 1, w.log.count(errFault.Error()+": rows that were done since the last time may be read again"))
}
