package watch

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// hang makes what is asked of files in a folder hang.
type hang struct {
	folder  string
	mu      sync.Mutex
	until   chan struct{} // nil while nothing hangs
	once    sync.Once
	reached chan struct{} // closed by the first call that hangs
}

// hangIn prepares a folder for a hang. It is for before the start.
func (w *world) hangIn(folder string) *hang {
	h := &hang{folder: w.path(folder), reached: make(chan struct{})}
	w.options.beforeRead = h.call
	w.tb.Cleanup(h.end)
	return h
}

func (h *hang) call(path string) {
	h.mu.Lock()
	until := h.until
	if until != nil && strings.HasPrefix(path, h.folder) {
		h.once.Do(func() { close(h.reached) })
		h.mu.Unlock()
		<-until
		return
	}
	h.mu.Unlock()
}

// begin lets calls hang, once in a test.
func (h *hang) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = make(chan struct{})
}

func (h *hang) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until != nil {
		close(h.until)
		h.until = nil
	}
}

func TestAHungFileSystemDoesNotDelayTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hangIn("in")
	w.write("in/a.csv", "id,v\n1,a\n")
	watcher := w.unpumped()
	_, segments := w.next(10)
	watcher.Done(segments[0])
	h.begin()
	w.append("in/a.csv", "2,b\n")
	require.NoError(t, watcher.ScanNow(t.Context()))

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := watcher.Next(ctx, 10, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	<-h.reached
	require.ErrorContains(t, watcher.Close(ctx), "a file system does not answer")
	h.end()
	w.watcher, w.byHand = nil, false

	w.start()
	w.expect("2,b") // what was done was saved
}

func TestAWorkerIsReplacedWithinBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.MaxOpen, w.options.hungAfter = 4, time.Millisecond
	h := w.hangIn("in")
	h.begin()
	w.start()
	r := &w.watcher.reader
	setStuck := func(n int) {
		r.w.mu.Lock()
		defer r.w.mu.Unlock()
		r.stuck = n
	}
	setStuck(3) // one place for open files is left
	w.write("in/a.csv", "id,v\n1,a\n")
	<-h.reached
	time.Sleep(2 * w.options.hungAfter) // the time that it hangs is what is tested
	r.replaceStuck()
	require.Zero(t, w.log.count("does not answer"))
	setStuck(2)
	r.replaceStuck()
	require.Equal(t, 1, w.log.count("does not answer"))
	h.end()
	w.expect("1,a")
	w.close()
}

// handing is a store that calls a function once before it notes what is handed out.
type handing struct {
	positions.Store
	armed atomic.Bool
	then  func()
}

func (h *handing) Hand(ctx context.Context, emitted []positions.Handed) error {
	if h.armed.Swap(false) {
		h.then()
	}
	return h.Store.Hand(ctx, emitted)
}

func TestLateRowsWaitUntilTheirFileIsSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir, err := positions.OpenDir(w.path("state"))
	require.NoError(t, err)
	store := &handing{Store: dir}
	w.options.Store, w.options.hungAfter = store, time.Millisecond
	w.options.Notify = false
	h := w.hangIn("in/hung")
	w.write("in/a.csv", "id,v\n1,a\n")
	watcher := w.unpumped()
	_, segments := w.next(10)
	watcher.Done(segments[0])

	w.append("in/a.csv", "3,c\n")
	require.NoError(t, watcher.ScanNow(t.Context()))
	watcher.fill(t.Context(), 10)
	h.begin()
	w.write("in/hung/b.csv", "id,v\n2,b\n")
	require.NoError(t, watcher.ScanNow(t.Context()))
	left := make(chan struct{})
	go func() {
		defer close(left)
		watcher.fill(t.Context(), 10) // until its worker is left to the file
	}()
	<-h.reached
	w.until("the worker is replaced", func() bool {
		watcher.reader.replaceStuck()
		return w.log.count("does not answer") > 0
	})
	<-left
	store.then = func() {
		h.end()
		w.until("the late rows are ready", func() bool {
			watcher.mu.Lock()
			defer watcher.mu.Unlock()
			return watcher.readyRows == 2
		})
	}
	store.armed.Store(true)
	rows, segments := w.next(10)
	require.Len(t, rows, 1)
	require.Equal(t, "3,c", rows[0].String())
	watcher.Done(segments[0])
	rows, segments = w.next(10)
	require.Len(t, rows, 1)
	require.Equal(t, "2,b", rows[0].String())
	require.True(t, segments[0].file.saving == saved)
	watcher.Done(segments[0])
}

func TestABatchIsNotLargerThanAskedFor(t *testing.T) {
	t.Parallel()
	sized := func(n int) *Segment { return &Segment{Rows: make([]csvrows.Row, n)} }
	w := &Watcher{ready: []*Segment{sized(2), sized(1), sized(2), sized(4)}, readyRows: 9}
	var sizes []int
	for len(w.ready) > 0 {
		sizes = append(sizes, len(w.takeSegments(len(w.ready), 3)))
	}
	require.Equal(t, []int{2, 1, 1}, sizes)
	require.Zero(t, w.readyRows)
}
