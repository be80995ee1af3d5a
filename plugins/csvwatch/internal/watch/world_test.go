package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/discover"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// timeout is how long a test waits for what must happen.
const timeout = 20 * time.Second

// world is a directory, a watcher over it, and what has come out of it.
type world struct {
	tb      testing.TB
	dir     string
	options Options
	globs   []string
	exclude []string
	avoid   string
	log     *memoryLog
	byHand  bool // the test takes what comes
	hangs   bool // cleaning up does not end

	watcher *Watcher
	stop    context.CancelFunc
	pumped  chan struct{}

	mu      sync.Mutex
	changed chan struct{}
	rows    []delivered
	refused []delivered // rows that stand for a file
	// channels are those of all rows since the beginning of the test.
	channels map[string]bool
	hold     bool // segments are kept instead of being done
	held     []*Segment
}

// delivered is a row that came out.
type delivered struct {
	path, channel string
	number        int64
	cells         []string
	raw           string
	bad           error
	columns       []string
}

func (d delivered) String() string {
	if d.bad != nil {
		return "!" + d.raw
	}
	return strings.Join(d.cells, ",")
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, dir: tb.TempDir(), globs: []string{"in/**/*.csv", "in/**/*.csv.gz", "in/**/*.csv.zst"}, log: &memoryLog{}, channels: map[string]bool{}}
	w.changed = make(chan struct{})
	w.options = Options{
		Rows:         csvrows.Options{ParseHeaderRow: true},
		PollInterval: time.Hour, Notify: true,
		Quiet: time.Hour, SaveEvery: time.Hour, ResumeReplaced: true,
		BatchRows: 100, MaxRows: 10_000, MaxBytes: 1 << 20, MaxOpen: 16,
	}
	require.NoError(tb, os.Mkdir(w.path("in"), 0o755))
	tb.Cleanup(func() {
		if w.watcher != nil {
			w.kill()
		}
	})
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// start begins to watch, with the positions that an earlier start left.
func (w *world) start() {
	w.tb.Helper()
	require.Nil(w.tb, w.watcher)
	require.NoError(w.tb, w.tryStart())
}

func (w *world) tryStart() error {
	opt := w.options
	globs := make([]string, len(w.globs))
	for i, g := range w.globs {
		globs[i] = w.path(g)
	}
	var err error
	opt.Patterns, err = discover.Compile(globs, w.exclude, false, w.avoid)
	require.NoError(w.tb, err)
	opt.Log = w.log
	if opt.Store == nil {
		if opt.Store, err = positions.OpenDir(w.path("state")); err != nil {
			return err
		}
	}
	if w.watcher, err = Start(context.Background(), opt); err != nil {
		return err
	}
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	w.pumped = make(chan struct{})
	if w.byHand {
		close(w.pumped)
	} else {
		go w.pump(ctx, w.watcher, w.pumped)
	}
	return nil
}

// pump takes what comes, and reports it done.
func (w *world) pump(ctx context.Context, from *Watcher, pumped chan struct{}) {
	defer close(pumped)
	for {
		segments, err := from.Next(ctx, w.options.BatchRows, nil)
		if err != nil {
			return
		}
		w.mu.Lock()
		for _, s := range segments {
			w.channels[s.Channel] = true
			for i := range s.Rows {
				r := &s.Rows[i]
				d := delivered{s.Path, s.Channel, r.Number, r.Fields, r.Raw, r.Err, s.Columns}
				if r.Number == 0 {
					w.refused = append(w.refused, d)
				} else {
					w.rows = append(w.rows, d)
				}
			}
			if w.hold {
				w.held = append(w.held, s)
			} else {
				from.Done(s)
			}
		}
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	}
}

// close ends the watch as a clean stop does.
func (w *world) close() {
	w.tb.Helper()
	w.stop()
	<-w.pumped
	require.NoError(w.tb, w.watcher.Close(context.Background()))
	w.watcher, w.hold, w.held = nil, false, nil
}

// kill ends the watch as SIGKILL does: what was not saved is lost.
func (w *world) kill() {
	w.stop()
	<-w.pumped
	w.watcher.cancel(ErrClosed)
	w.watcher.done.Wait()
	w.watcher.reader.closeAll()
	if w.watcher.notifications != nil {
		_ = w.watcher.notifications.Close()
	}
	_ = w.watcher.opt.Store.Close()
	w.watcher, w.hold, w.held = nil, false, nil
}

// settle waits until everything there is to read was read and has come out.
func (w *world) settle() {
	w.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	calm, why := 0, ""
	for calm < 3 {
		require.NoError(w.tb, w.watcher.ScanNow(ctx), "waiting for calm, but %s", why)
		w.mu.Lock()
		held := len(w.held)
		w.mu.Unlock()
		if why = w.watcher.unrest(held); why == "" && (w.hangs || !w.watcher.isCleaning()) {
			calm++
		} else {
			calm = 0
			time.Sleep(time.Millisecond)
		}
	}
}

// unrest returns what is on its way from a file to the output, except the segments that are held there; nothing if all is
// calm.
func (w *Watcher) unrest(held int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pack()
	if w.scanHangs && w.opt.scanHungAfter == 0 {
		return "a folder does not answer"
	}
	if w.out != held || w.queue.Len() > 0 || len(w.ready) > 0 || len(w.finish) > 0 {
		return fmt.Sprintf("%d segments are out, %d ready, %d files queued, %d to be cleaned up", w.out, len(w.ready), w.queue.Len(), len(w.finish))
	}
	for f := range w.known {
		if f.activity != resting || f.failure == retrying || ((f.recheck != 0 || f.predecessor != nil) && !f.isMissing()) {
			return fmt.Sprintf("%s is in state %d, failed %v, to be compared in %v", f.path, f.activity, f.failed(), f.recheck-w.now())
		}
	}
	return ""
}

// isCleaning reports whether a file is being cleaned up.
func (w *Watcher) isCleaning() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range w.known {
		if f.finishing && f.seen {
			return true
		}
	}
	return false
}

// until waits until it is true of the watcher.
func (w *world) until(what string, isTrue func() bool) {
	w.tb.Helper()
	deadline := time.Now().Add(timeout)
	for !isTrue() {
		if time.Now().After(deadline) {
			w.tb.Fatalf("it did not come true that %s; the log has:\n%s", what, w.log)
		}
		time.Sleep(time.Millisecond)
	}
}

// expect waits for these rows and checks that they are all that came since the last time, in whatever order files came.
func (w *world) expect(rows ...string) {
	w.tb.Helper()
	w.settle()
	w.mu.Lock()
	got := make([]string, len(w.rows))
	for i, r := range w.rows {
		got[i] = r.String()
	}
	w.rows = nil
	w.mu.Unlock()
	slices.Sort(got)
	slices.Sort(rows)
	if len(rows) == 0 {
		rows = got[:0]
	}
	require.Equal(w.tb, rows, got, "the log has:\n%s", w.log)
}

func (w *world) write(name, text string) {
	w.tb.Helper()
	require.NoError(w.tb, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.tb, os.WriteFile(w.path(name), []byte(text), 0o644))
}

func (w *world) append(name, text string) {
	w.tb.Helper()
	f, err := os.OpenFile(w.path(name), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(w.tb, err)
	_, err = f.WriteString(text)
	require.NoError(w.tb, err)
	require.NoError(w.tb, f.Close())
}

func (w *world) rename(from, to string) {
	w.tb.Helper()
	require.NoError(w.tb, os.MkdirAll(filepath.Dir(w.path(to)), 0o755))
	require.NoError(w.tb, os.Rename(w.path(from), w.path(to)))
}

func (w *world) remove(name string) {
	w.tb.Helper()
	require.NoError(w.tb, os.RemoveAll(w.path(name)))
}

func (w *world) exists(name string) bool {
	_, err := os.Lstat(w.path(name))
	return err == nil
}

// memoryLog keeps what was said.
type memoryLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *memoryLog) add(level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, level+" "+fmt.Sprintf(format, args...))
}

func (l *memoryLog) Debugf(format string, args ...any) { l.add("debug", format, args...) }
func (l *memoryLog) Infof(format string, args ...any)  { l.add("info", format, args...) }
func (l *memoryLog) Warnf(format string, args ...any)  { l.add("warn", format, args...) }
func (l *memoryLog) Errorf(format string, args ...any) { l.add("error", format, args...) }

func (l *memoryLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// count is how many lines above the debug level have this text.
func (l *memoryLog) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		if strings.Contains(line, text) && !strings.HasPrefix(line, "debug") {
			n++
		}
	}
	return n
}

func remove(_ context.Context, aside, _ string) error { return os.Remove(aside) }

// beQuiet lets the quiet time of all files pass at once.
func (w *world) beQuiet() {
	w.settle()
	w.watcher.mu.Lock()
	long := w.watcher.now() - 2*w.options.Quiet
	for f := range w.watcher.known {
		f.changed, f.cleanAfter = long, 0
		if f.due != 0 {
			f.due = 0
			w.watcher.setTimer(f, w.watcher.now())
		}
	}
	w.watcher.mu.Unlock()
	w.until("no alarm is due", func() bool {
		w.watcher.mu.Lock()
		defer w.watcher.mu.Unlock()
		at, set := w.watcher.timers.Next()
		return !set || at-w.watcher.now() > time.Minute
	})
	w.settle()
}

func (w *world) releaseHeld() {
	w.mu.Lock()
	held := w.held
	w.hold, w.held = false, nil
	w.mu.Unlock()
	for _, s := range held {
		w.watcher.Done(s)
	}
}

func (w *world) knownFiles() int {
	w.watcher.mu.Lock()
	defer w.watcher.mu.Unlock()
	return len(w.watcher.known) + len(w.watcher.packed.files)
}
