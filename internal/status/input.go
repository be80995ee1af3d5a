package status

import (
	"sync"
	"time"
)

// Input is what a source of rows publishes. Its methods may be called from any
// goroutine.
type Input struct {
	label   string
	board   *Board
	reading Busy
	latency Histogram

	mu     sync.Mutex
	since  time.Time // of the connection
	read   func() InputFigures
	files  func(most int) []File
	before InputFigures // of the watches that are over
	last   InputFigures
}

// InputFigures are what an input counts by itself. All but the states are since
// it began.
type InputFigures struct {
	Rows, Bad, Done int64
	Bytes           int64
	AwaitingFiles   time.Duration // how long reading waited since there was nothing to read

	// How things stand now.
	FilesKnown, FilesWaiting, FilesFailed int
	Unacked                               int
	Backlog                               int64 // bytes on disk that are not read
	OldestUnread                          time.Duration
}

// File is one file, as the page lists it.
type File struct {
	Path    string    `json:"path"`
	State   string    `json:"state"` // reading, waiting, done or refused
	Rows    int64     `json:"rows"`  // read
	Done    int64     `json:"done"`  // stored, skipped or refused, in one run from the first
	Size    int64     `json:"size"`  // bytes on disk
	Read    int64     `json:"read"`  // bytes on disk that are read
	Changed time.Time `json:"changed"`
	Problem string    `json:"problem,omitempty"`
}

// AddInput registers an input by its label.
func (b *Board) AddInput(label string) *Input {
	in := &Input{label: label, board: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inputs = append(b.inputs, in)
	return in
}

// Connected records that the input is connected. figures is called once a second,
// files when a reader asks for them.
func (in *Input) Connected(figures func() InputFigures, files func(most int) []File) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.read, in.files, in.since = figures, files, in.board.now()
}

// Disconnected records that the input is not connected.
func (in *Input) Disconnected() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.read != nil {
		in.before = in.figures()
	}
	in.read, in.files = nil, nil
}

// Reading records that the input was asked for rows, until answered is called.
func (in *Input) Reading() (answered func()) { return in.reading.Begin() }

// Done notes that rows are committed, and returns how long that took since they
// appeared. What was there before the input was connected counts from then.
func (in *Input) Done(rows int, appeared time.Time) time.Duration {
	in.mu.Lock()
	since := in.since
	in.mu.Unlock()
	took := in.board.now().Sub(appeared)
	if appeared.Before(since) {
		took = in.board.now().Sub(since)
	}
	in.latency.Add(took, int64(rows))
	return max(0, took)
}

// figures are those of all connections together, with the states of this one.
// The lock is held.
func (in *Input) figures() InputFigures {
	var f InputFigures
	if in.read != nil {
		f = in.read()
	}
	f.Rows += in.before.Rows
	f.Bad += in.before.Bad
	f.Done += in.before.Done
	f.Bytes += in.before.Bytes
	f.AwaitingFiles += in.before.AwaitingFiles
	return f
}

func (in *Input) addTo(t *totals, now time.Time) {
	in.mu.Lock()
	f := in.figures()
	in.last = f
	in.mu.Unlock()
	t.Read += f.Rows
	t.Bad += f.Bad
	t.Done += f.Done
	t.bytes += f.Bytes
	asked, _ := in.reading.Times(now)
	t.awaitingFiles += f.AwaitingFiles
	t.reading += max(0, asked-f.AwaitingFiles)
	in.latency.addTo(&t.latency)
}

// standing returns the last figures, and whether the input is connected.
func (in *Input) standing() (InputFigures, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.last, in.read != nil
}

// listFiles returns the files that changed last, at most so many.
func (in *Input) listFiles(most int) []File {
	in.mu.Lock()
	list := in.files
	in.mu.Unlock()
	if list == nil {
		return nil
	}
	return list(most)
}
