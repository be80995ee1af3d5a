package postgrescopy

import "sync"

// optimism decides whether rows of an ignore or upsert are copied straight into
// the table, in the hope that it has none of their keys, or staged. The first is
// as fast as an append; but when it fails, it has cost a round trip and left
// dead rows behind, for vacuum to clear. So after a failure batches are staged,
// twice as many each time, before it is tried again.
type optimism struct {
	mu      sync.Mutex
	staged  int // batches yet to be staged
	penalty int // how many the last failure cost
}

// The bounds of the number of batches staged after a failure.
const (
	minPenalty = 2
	maxPenalty = 512
)

// tryDirect says whether the next batch should go straight into the table.
func (o *optimism) tryDirect() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.staged > 0 {
		o.staged--
		return false
	}
	return true
}

// conflict tells that a batch sent straight had a key that the table has.
func (o *optimism) conflict() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.staged > 0 {
		return // batches that were under way at the same time count as one
	}
	o.penalty = min(max(2*o.penalty, minPenalty), maxPenalty)
	o.staged = o.penalty
}

// clean tells that a batch met no key that the table has.
func (o *optimism) clean() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.penalty /= 2
	o.staged = min(o.staged, o.penalty)
}
