package status

import (
	"sync"
	"time"
)

// Busy measures for how long at least one operation was in progress, and for how
// long the maximum number was. The zero value has no maximum.
type Busy struct {
	limit int

	mu        sync.Mutex
	n         int
	at        time.Time
	any, full time.Duration
}

// Begin records the start of an operation, which ends when the function is called.
func (b *Busy) Begin() (end func()) {
	b.change(1)
	return func() { b.change(-1) }
}

func (b *Busy) change(by int) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bring(now)
	b.n += by
}

// Any reports whether an operation is in progress.
func (b *Busy) Any() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n > 0
}

// Times returns both sums as of now.
func (b *Busy) Times(now time.Time) (some, full time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bring(now)
	return b.any, b.full
}

// bring adds the time since the last call. The lock is held.
func (b *Busy) bring(now time.Time) {
	passed := max(0, now.Sub(b.at))
	if b.n > 0 {
		b.any += passed
	}
	if b.limit > 0 && b.n >= b.limit {
		b.full += passed
	}
	b.at = now
}
