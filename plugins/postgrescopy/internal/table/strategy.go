package table

import "sync"

// CopyStrategy is how the rows of an ignore or upsert get into the table.
type CopyStrategy int

const (
	// Undecided means that no attempt was made yet.
	Undecided CopyStrategy = iota
	// Direct is a COPY straight into the table, which fails if it has one of
	// their keys. That is as fast as an append. But a failure has cost a round
	// trip, and has left dead rows behind for vacuum to clear.
	Direct
	// SkipExisting means that the table is asked first which keys it has, and the rows with
	// other keys go straight into it. Only for an ignore; an upsert is staged.
	SkipExisting
	// Staged is a way through a temporary table and INSERT … ON CONFLICT.
	Staged
)

// StrategyChooser decides between Direct and SkipExisting. After a failure of
// Direct, twice as many batches each time skip existing rows before it is tried
// again. Many goroutines may use it.
type StrategyChooser struct {
	mu        sync.Mutex
	remaining int // batches before Direct is tried again
	penalty   int // how many the last failure cost
}

// The bounds of the number of batches that a failure costs.
const (
	minPenalty = 2
	maxPenalty = 512
)

// Next returns the strategy for the next batch.
func (c *StrategyChooser) Next() CopyStrategy {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remaining > 0 {
		c.remaining--
		return SkipExisting
	}
	return Direct
}

// Conflict notes that a batch sent directly had a key that the table has.
func (c *StrategyChooser) Conflict() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remaining > 0 {
		return // batches that were under way at the same time count as one
	}
	c.penalty = min(max(2*c.penalty, minPenalty), maxPenalty)
	c.remaining = c.penalty
}

// Clean notes that a batch had no key that the table has.
func (c *StrategyChooser) Clean() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.penalty /= 2
	c.remaining = min(c.remaining, c.penalty)
}
