package status

import (
	"context"
	"sync"
	"time"
)

// sampleEvery is how often the Board looks at its components.
const sampleEvery = time.Second

// Board is where the components of one pipeline publish how they stand. It is
// safe for concurrent use.
type Board struct {
	now   func() time.Time
	began time.Time

	mu       sync.Mutex
	inputs   []*Input
	outputs  []*Output
	last     totals // when it was sampled last
	sampled  time.Time
	history  history
	recent   recent
	refused  Rejections
	followed followed
	moved    time.Time // when a row was done last, or none was waiting
}

// New returns an empty Board.
func New() *Board {
	return newAt(time.Now)
}

func newAt(now func() time.Time) *Board {
	b := &Board{now: now, began: now()}
	b.sampled = b.began
	return b
}

// Store is what the components of one pipeline share: a set of values by key.
type Store interface {
	GetOrSetGeneric(key, value any) (actual any, loaded bool)
}

type boardKey struct{}

// Of returns the Board of a pipeline. Every component with the same Store gets
// the same one.
func Of(s Store) *Board {
	b, _ := s.GetOrSetGeneric(boardKey{}, New())
	return b.(*Board)
}

// Run samples the components once a second until the context ends.
func (b *Board) Run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.sample()
		case <-ctx.Done():
			return
		}
	}
}

// sample notes what happened since the last sample.
func (b *Board) sample() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	t := b.totals(now)
	step := t.since(&b.last)
	step.took = now.Sub(b.sampled)
	b.last, b.sampled = t, now
	b.recent.add(&step)
	b.history.add(pointOf(now, &step, b.stand(now)))
}

// totals adds up all components. The lock is held.
func (b *Board) totals(now time.Time) totals {
	var t totals
	for _, in := range b.inputs {
		in.addTo(&t, now)
	}
	for _, out := range b.outputs {
		out.addTo(&t, now)
	}
	return t
}

// totals are what all components have done since the start.
type totals struct {
	took time.Duration // of a step: how long it was

	Read, Bad, Done int64 // rows of the inputs
	bytes           int64 // read, as they lie on disk or after decompression

	Stored, SkippedKey, SkippedLedger, Filtered, Rejected int64 // rows of the outputs
	retries                                               int64

	reading, awaitingFiles, saturated, mapping time.Duration

	latency buckets
}

// since returns what was added after an earlier time. A component that began
// anew counts from zero.
func (t *totals) since(earlier *totals) totals {
	d := *t
	for _, f := range []struct{ now, was *int64 }{
		{&d.Read, &earlier.Read}, {&d.Bad, &earlier.Bad}, {&d.Done, &earlier.Done}, {&d.bytes, &earlier.bytes},
		{&d.Stored, &earlier.Stored}, {&d.SkippedKey, &earlier.SkippedKey}, {&d.SkippedLedger, &earlier.SkippedLedger},
		{&d.Filtered, &earlier.Filtered}, {&d.Rejected, &earlier.Rejected}, {&d.retries, &earlier.retries},
		{(*int64)(&d.reading), (*int64)(&earlier.reading)}, {(*int64)(&d.awaitingFiles), (*int64)(&earlier.awaitingFiles)},
		{(*int64)(&d.saturated), (*int64)(&earlier.saturated)}, {(*int64)(&d.mapping), (*int64)(&earlier.mapping)},
	} {
		*f.now = max(0, *f.now-*f.was)
	}
	d.latency = t.latency.since(&earlier.latency)
	return d
}

// add sums up steps.
func (t *totals) add(step *totals) {
	t.took += step.took
	t.Read += step.Read
	t.Bad += step.Bad
	t.Done += step.Done
	t.bytes += step.bytes
	t.Stored += step.Stored
	t.SkippedKey += step.SkippedKey
	t.SkippedLedger += step.SkippedLedger
	t.Filtered += step.Filtered
	t.Rejected += step.Rejected
	t.retries += step.retries
	t.reading += step.reading
	t.awaitingFiles += step.awaitingFiles
	t.saturated += step.saturated
	t.mapping += step.mapping
	t.latency.add(&step.latency)
}
