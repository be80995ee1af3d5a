package status

import (
	"sync"
	"sync/atomic"
	"time"
)

// Output is what a destination of rows publishes. Its methods may be called
// from any goroutine.
type Output struct {
	label, table string
	board        *Board
	writing      Busy

	stored, skippedKey, skippedLedger, filtered, rejected, retries atomic.Int64
	mapping                                                        atomic.Int64 // nanoseconds

	mu      sync.Mutex
	up      bool
	since   time.Time // since when it is up, or away
	problem string
	stuck   bool // a person has to do something
	dial    Dial

	blocked   int    // batches that wait for a lock
	blockedBy string // who holds it, as the latest of them found

	blockedSince time.Time // when the first of them began to wait
}

// AddOutput registers an output by its label, the table it writes to, and how
// many batches it may write at once.
func (b *Board) AddOutput(label, table string, maxInFlight int) *Output {
	out := &Output{label: label, table: table, board: b, since: b.now()}
	out.writing.limit = maxInFlight
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outputs = append(b.outputs, out)
	return out
}

// Commit is what became of the rows of one batch.
type Commit struct {
	Stored, SkippedKey, SkippedLedger, Filtered, Rejected int
	Mapping                                               time.Duration // part of the writing that was not the database's
}

// Writing records that a batch is being written, until done is called.
func (o *Output) Writing() (done func()) { return o.writing.Begin() }

// Busy reports whether a batch is being written.
func (o *Output) Busy() bool { return o.writing.Any() }

// Blocked records that a batch has waited for a lock since a time, and who holds it, until
// over is called.
func (o *Output) Blocked(since time.Time, by string) (over func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.blocked++; o.blocked == 1 || since.Before(o.blockedSince) {
		o.blockedSince = since
	}
	o.blockedBy = by
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.blocked--
	}
}

// AwaitingLock returns how many batches wait for a lock.
func (o *Output) AwaitingLock() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.blocked
}

// Times returns for how long at least one batch was being written, and for how
// long as many as may be.
func (o *Output) Times() (some, full time.Duration) { return o.writing.Times(time.Now()) }

// Committed counts a batch and records that the database is connected.
func (o *Output) Committed(c Commit) {
	o.stored.Add(int64(c.Stored))
	o.skippedKey.Add(int64(c.SkippedKey))
	o.skippedLedger.Add(int64(c.SkippedLedger))
	o.filtered.Add(int64(c.Filtered))
	o.rejected.Add(int64(c.Rejected))
	o.mapping.Add(int64(c.Mapping))
	o.Connected()
}

// Connected records that the database is connected.
func (o *Output) Connected() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.up {
		o.up, o.since, o.problem, o.stuck = true, o.board.now(), "", false
	}
}

// Away records that the database cannot be reached, with the reason in one line
// without secrets.
func (o *Output) Away(why string) { o.down(why, false) }

// Refused records that the database rejects every batch until an operator acts, with
// the reason in one line without secrets.
func (o *Output) Refused(why string) { o.down(why, true) }

// Disconnected records that the output was closed.
func (o *Output) Disconnected() { o.down("", false) }

func (o *Output) down(why string, stuck bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.up || o.problem == "" {
		o.since = o.board.now()
	}
	o.up, o.problem, o.stuck = false, why, stuck
}

// Retried counts a batch that is written again.
func (o *Output) Retried() { o.retries.Add(1) }

func (o *Output) addTo(t *totals, now time.Time) {
	t.Stored += o.stored.Load()
	t.SkippedKey += o.skippedKey.Load()
	t.SkippedLedger += o.skippedLedger.Load()
	t.Filtered += o.filtered.Load()
	t.Rejected += o.rejected.Load()
	t.retries += o.retries.Load()
	t.mapping += time.Duration(o.mapping.Load())
	_, saturated := o.writing.Times(now)
	t.saturated += saturated
}

// outputState is how an output stands.
type outputState struct {
	up      bool
	since   time.Time
	problem string
	stuck   bool

	blocked      bool
	blockedBy    string
	blockedSince time.Time
}

func (o *Output) state() outputState {
	o.mu.Lock()
	defer o.mu.Unlock()
	return outputState{o.up, o.since, o.problem, o.stuck, o.blocked > 0, o.blockedBy, o.blockedSince}
}
