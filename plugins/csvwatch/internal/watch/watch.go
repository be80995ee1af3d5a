// Package watch reads folders of CSV files as they are: it finds files, reads their rows, hands these out in batches,
// and keeps, durably, how much of each file is done.
//
// Four goroutines share one lock with whoever calls Next. The scanner finds files and changes. Next reads time slices of
// files, and makes the identity of new ones durable before any of their rows goes out: nothing is read
// that nobody asked for, so that an output that stops stops the reading. The timer loop looks after files that were left
// alone for a time. The keeper saves positions and the cleaner cleans up finished files.
// Reading and the timer loop each have a worker, which is replaced while a file system does not answer.
package watch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/discover"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/hints"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/loglimit"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/plan"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// Log takes what a person should know.
type Log interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Options are what is watched and how. All fields without a comment that says otherwise must be set.
type Options struct {
	Patterns *discover.Patterns
	Rows     csvrows.Options
	Store    positions.Store
	Log      Log

	// PollInterval is how often everything is looked at without a hint.
	PollInterval time.Duration
	// Notify asks the system for hints about changes.
	Notify bool
	// MinimumAge is how long a file must not have been written before it is read; may be 0.
	MinimumAge time.Duration
	// Quiet is how long a file must not have changed until a last record without line end is taken, and until the file
	// counts as finished.
	Quiet time.Duration
	// SaveEvery is how often positions are saved.
	SaveEvery time.Duration
	// ByName reads files by name instead of oldest first.
	ByName bool
	// ResumeReplaced goes on in a longer file that takes the place of one that was read and begins with all that was read.
	ResumeReplaced bool
	// ExitAfterRead ends the watch with ErrAllRead once all that was found is read and acknowledged.
	ExitAfterRead bool
	// OneFile returns segments of one file at a time from Next.
	OneFile bool
	// StopAtBadRow leaves the rest of a file alone after its first bad record.
	StopAtBadRow bool

	// BatchRows is the most rows that one turn of a file takes.
	BatchRows int
	// MaxRows and MaxBytes bound what is read and not yet done. A file system that hangs and then answers may add one batch.
	MaxRows  int
	MaxBytes int64
	// MaxOpen bounds the open files; at least 4.
	MaxOpen int

	// Finish is called for a file that is done to its end, has been quiet, and whose position is saved. It lies at aside,
	// where nobody exchanges it, and was at path. When the context ends it must return soon, with an error if it is not
	// done: then the file is put back. Nil: nothing happens to such files.
	Finish func(ctx context.Context, aside, path string) error

	// For tests: what happens after the last look at a file, and how long one that could not be cleaned up is left alone.
	beforeAside func(path string)
	cleanRetry  time.Duration
	// And: what happens before a file is opened, looked at, or read, and after how long its file system counts as hung, for
	// workers and for the scanner.
	beforeRead    func(path string)
	hungAfter     time.Duration
	scanHungAfter time.Duration
}

// Watcher is one running watch. It is safe for concurrent use.
type Watcher struct {
	opt           Options         // its Log has a limit
	lines         *loglimit.Limit // that limit
	layout        string          // how files are read
	began         time.Time
	ctx           context.Context
	cancel        context.CancelCauseFunc
	done          sync.WaitGroup
	notifications *hints.Hints

	arrived      chan struct{}      // for Next: there may be something to read, or fewer rows are out
	timerSet     chan struct{}      // for the timer loop: a timer was set
	tidy         chan struct{}      // for the cleaner: a file may be finished
	scanRequests chan chan struct{} // for the scanner: look everywhere now, and tell when that is done
	storeMu      sync.Mutex         // a store is for one goroutine at a time
	problems     problems
	finished     Log // for the line of each finished file, which is not limited
	reader       reader

	incomplete int             // scans since a complete one; for the scanner
	lookAtAll  bool            // in the next scan; for the scanner
	goneHang   <-chan struct{} // closed unless a look for lost files has not returned; for the scanner

	mu         sync.Mutex
	known      map[*file]struct{}
	files      map[fileid.ID]*file // those known, by their present ID
	queue      plan.Queue[*file]
	timers     plan.Timers[*file]
	dirty      map[*file]struct{}
	lost       lostFiles
	packed     packedFiles
	finish     map[*file]struct{}
	cleaning   map[uint64]cleanup // by device
	gone       []positions.Channel
	drifts     map[string]bool // the differences from expected_headers that were logged
	loggedOnce map[string]bool // what is said only once
	started    bool            // the first scan is complete, so that the order is known
	scanHangs  bool            // folders are passed over since they do not answer
	ready      []*Segment      // read, and not yet handed out
	readyRows  int
	rows       int // rows read and not yet done
	bytes      int64
	out        int   // segments handed out and not yet done
	onDisk     int64 // bytes read, as they lie on disk
	figures    Figures
	idleSince  time.Time // since when Next has had nothing to read; zero when it has, or is not called
	snapshot   snapshot
	endSince   time.Time // since when only cleaning up is left to do; zero before
}

// Start loads the positions and begins to watch. The store is closed by Close.
func Start(ctx context.Context, opt Options) (*Watcher, error) {
	w := &Watcher{
		began:        time.Now(),
		timerSet:     make(chan struct{}, 1),
		tidy:         make(chan struct{}, 1),
		arrived:      make(chan struct{}, 1),
		scanRequests: make(chan chan struct{}),
		layout:       opt.Rows.Layout(),
		known:        map[*file]struct{}{},
		files:        map[fileid.ID]*file{},
		dirty:        map[*file]struct{}{},
		lost:         newLostFiles(),
		packed:       newPackedFiles(),
		finish:       map[*file]struct{}{},
		cleaning:     map[uint64]cleanup{},
		drifts:       map[string]bool{},
		loggedOnce:   map[string]bool{},
	}
	w.finished = opt.Log
	w.lines = loglimit.New(opt.Log)
	opt.Log = w.lines
	w.opt = opt
	entries, warning, err := opt.Store.Load(ctx, w.entries)
	if err != nil {
		return nil, err
	}
	if warning != "" {
		opt.Log.Warnf("%s", warning)
	}
	w.reader = reader{w: w, open: map[*file]struct{}{}, hung: map[uint64]int{}}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	for i := range entries {
		w.restore(&entries[i])
	}
	w.recoverAside()
	if opt.Notify {
		if w.notifications, err = hints.New(); err != nil {
			opt.Log.Warnf("%v: files are found by looking every %s", err, opt.PollInterval)
		}
	}
	w.reader.startTimerWorker()
	w.done.Add(3)
	go w.scanLoop()
	go w.keep()
	go w.clean()
	return w, nil
}

// ErrClosed is returned by Next after Close.
var ErrClosed = errors.New("the watch is closed")

// closeTime is how long Close waits for what is under way, and then for the store.
const closeTime = 10 * time.Second

// Close stops reading, saves the positions as far as they are done, and frees the store. It does not wait longer than the
// context lasts, nor closeTime, for a file system that does not answer: what hangs there is left behind, which is an error.
func (w *Watcher) Close(ctx context.Context) error {
	w.mu.Lock() // so that no worker is started any more
	w.cancel(ErrClosed)
	w.mu.Unlock()
	err := w.stop(ctx)
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	saved := w.save(saving)
	if saved != nil && !errors.Is(saved, positions.ErrInUse) {
		w.opt.Log.Errorf("%v: rows that were done since the last time may be read again", saved) // the engine does not tell
	}
	w.lines.Flush(true)
	return errors.Join(err, saved, w.opt.Store.Close())
}

// stop waits until nothing is under way, and closes the files.
func (w *Watcher) stop(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() {
		w.done.Wait()
		w.reader.closeAll()
		if w.notifications != nil {
			stopped <- w.notifications.Close()
			return
		}
		stopped <- nil
	}()
	timeout := time.NewTimer(closeTime)
	defer timeout.Stop()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	case <-timeout.C:
	}
	return errors.New("stopping csv_watch: a file system does not answer, what was asked of it is left behind")
}

// beforeRead lets tests hang where a file system may.
func (w *Watcher) beforeRead(path string) {
	if w.opt.beforeRead != nil {
		w.opt.beforeRead(path)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
