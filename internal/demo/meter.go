package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// pollEvery and pollAtLeast bound the pause between two queries for missing rows.
	// In between it is a sixteenth of the age of the oldest file, which is precise
	// enough and spares a slow database.
	pollEvery   = time.Millisecond
	pollAtLeast = 10 * time.Millisecond
	// retryEvery is the pause after a query that failed.
	retryEvery = 50 * time.Millisecond
	// lookAtOnce bounds how many files a query asks for, the oldest first.
	lookAtOnce = 256
	// keepFiles is how long files are kept once their events are stored, so that a
	// long demo does not fill the disk.
	keepFiles = time.Minute
)

// file is a file of the generator with events not yet found in the table.
type file struct {
	path     string
	appeared time.Time
	ids      []eventID
}

// meter measures the pipeline from outside. It detects the generator's files, reads
// them, and queries the table on a connection of its own until each event is there.
// The latency of a file's events is the time from the file's appearance to the result
// of the first query that found them all, so it includes the meter's own time.
//
// Two goroutines run until close: watchFiles and watchRows.
type meter struct {
	dir     string
	store   *store
	changes *fsnotify.Watcher
	cancel  context.CancelFunc
	running sync.WaitGroup
	arrived chan struct{} // has a token after an addition to pending

	noting sync.Mutex // held while a file is being noted

	mu       sync.Mutex
	known    map[string]bool // paths seen and still in the folder
	pending  []*file
	finished []*file // stored, removed after keepFiles
	files    int64
	seen     totals
	confirms int64
	rejected int64
	all      latencies
	recent   latencies // since the last call of lastSecond
	asked    time.Time
	before   int64
	failures []string
}

func startMeter(dir string, store *store) (*meter, error) {
	changes, err := fsnotify.NewWatcher()
	if err == nil {
		err = changes.Add(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("watching the folder of the events: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &meter{
		dir: dir, store: store, changes: changes, cancel: cancel,
		arrived: make(chan struct{}, 1),
		known:   map[string]bool{},
		asked:   time.Now(),
	}
	m.running.Add(2)
	go func() { defer m.running.Done(); m.watchFiles(ctx) }()
	go func() { defer m.running.Done(); m.watchRows(ctx) }()
	return m, nil
}

func (m *meter) close() {
	m.cancel()
	m.running.Wait()
	_ = m.changes.Close()
}

// watchFiles notes files as they appear. Periodic sweeps find the files without a
// notification.
func (m *meter) watchFiles(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case change := <-m.changes.Events:
			if change.Has(fsnotify.Create) {
				m.note(change.Name)
			}
		case <-m.changes.Errors: //nolint:errcheck // an overflow; the next sweep finds the files
		case <-second.C:
			m.sweep()
			m.removeOld()
			if n, err := m.store.rejected(ctx); err == nil {
				m.mu.Lock()
				m.rejected = n
				m.mu.Unlock()
			}
		}
	}
}

// sweep notes all new files in the folder.
func (m *meter) sweep() {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		m.fail(fmt.Errorf("looking for event files: %w", err))
		return
	}
	for _, entry := range entries {
		m.note(filepath.Join(m.dir, entry.Name()))
	}
}

func (m *meter) note(path string) {
	if !strings.HasSuffix(path, ".csv") || strings.HasPrefix(filepath.Base(path), ".") {
		return
	}
	m.noting.Lock()
	defer m.noting.Unlock()
	m.mu.Lock()
	known := m.known[path]
	m.known[path] = true
	m.mu.Unlock()
	if known {
		return
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return // an old one, just removed
	}
	var ids []eventID
	var sum totals
	if err == nil {
		ids, sum, err = readEvents(path)
	}
	if err != nil {
		m.fail(err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files++
	m.seen.add(sum)
	if len(ids) > 0 {
		m.pending = append(m.pending, &file{path: path, appeared: appeared(info), ids: ids})
	}
	select {
	case m.arrived <- struct{}{}:
	default:
	}
}

// watchRows looks for the events of pending files until they are stored.
func (m *meter) watchRows(ctx context.Context) {
	for {
		waiting := m.waiting(lookAtOnce)
		if len(waiting) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-m.arrived:
			}
			continue
		}
		pause := min(max(pollEvery, time.Since(waiting[0].appeared)/16), pollAtLeast)
		switch found, err := m.look(ctx, waiting); {
		case err != nil:
			pause = retryEvery
		case found:
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// look queries the last event of each file and, once it is there, the others. It
// reports whether a file is complete.
func (m *meter) look(ctx context.Context, waiting []*file) (found bool, err error) {
	last := make([]eventID, len(waiting))
	for i, f := range waiting {
		last[i] = f.ids[len(f.ids)-1]
	}
	present, err := m.store.present(ctx, last)
	if err != nil {
		return false, err
	}
	for i, f := range waiting {
		if !present[last[i]] {
			continue
		}
		if len(f.ids) > 1 {
			rows, err := m.store.present(ctx, f.ids)
			if err != nil {
				return found, err
			}
			if len(rows) < len(f.ids) {
				continue
			}
		}
		m.confirm(f, time.Since(f.appeared))
		found = true
	}
	return found, nil
}

func (m *meter) confirm(f *file, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, other := range m.pending {
		if other == f {
			m.pending = append(m.pending[:i], m.pending[i+1:]...)
			break
		}
	}
	n := int64(len(f.ids))
	m.confirms += n
	m.all.add(wait, n)
	m.recent.add(wait, n)
	f.ids = nil
	m.finished = append(m.finished, f)
}

// removeOld removes the files that appeared longer than keepFiles ago, once their
// events are stored.
func (m *meter) removeOld() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.finished) > 0 && time.Since(m.finished[0].appeared) > keepFiles {
		path := m.finished[0].path
		m.finished = m.finished[1:]
		if err := os.Remove(path); err == nil {
			delete(m.known, path)
		}
	}
}

func (m *meter) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = append(m.failures, err.Error())
}

func (m *meter) waiting(most int) []*file {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*file(nil), m.pending[:min(most, len(m.pending))]...)
}

// settled reports whether all events of the known files are stored.
func (m *meter) settled() bool { return len(m.waiting(1)) == 0 }

// stored returns how many events have been found in the table.
func (m *meter) stored() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.confirms
}

// totals returns the totals of the files so far.
func (m *meter) totals() totals {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

// missing returns a sentence for each of up to five files with missing events.
func (m *meter) missing(ctx context.Context) (problems []string) {
	for _, f := range m.waiting(5) {
		present, err := m.store.present(ctx, f.ids)
		if err != nil {
			problems = append(problems, fmt.Sprintf("looking for the events of %s: %v", f.path, err))
			continue
		}
		problems = append(problems, fmt.Sprintf("%d of the %d events of %s are not stored",
			len(f.ids)-len(present), len(f.ids), f.path))
	}
	return problems
}

// failed returns the errors of reading files.
func (m *meter) failed() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failures
}

// reading holds the numbers at one point in time.
type reading struct {
	Generated, Stored, Rejected int64
	Files                       int64
	PerSecond                   float64   // events stored
	Latency                     latencies // of the events stored
}

// lastSecond returns the numbers, with the speed and latency since the last call.
func (m *meter) lastSecond() reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	r := reading{
		Generated: m.seen.Events, Stored: m.confirms, Rejected: m.rejected, Files: m.files,
		PerSecond: float64(m.confirms-m.before) / now.Sub(m.asked).Seconds(),
		Latency:   m.recent,
	}
	m.before, m.asked, m.recent = m.confirms, now, latencies{}
	return r
}

// whole returns the numbers of the whole run, in which events were generated for the
// duration open.
func (m *meter) whole(open time.Duration) reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return reading{
		Generated: m.seen.Events, Stored: m.confirms, Rejected: m.rejected, Files: m.files,
		PerSecond: float64(m.confirms) / open.Seconds(),
		Latency:   m.all,
	}
}
