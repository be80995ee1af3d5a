package postgrescopy

import "sync"

// way is how the rows of an ignore or upsert get into the table.
type way int

const (
	// wayOpen: it is not decided yet.
	wayOpen way = iota
	// wayDirect: by COPY straight into the table, in the hope that it has none
	// of their keys. That is as fast as an append. But when the hope fails it
	// has cost a round trip, and has left dead rows behind for vacuum to clear.
	wayDirect
	// waySifted: the table is asked first which keys it has, and the rows with
	// other keys go straight into it. Only for an ignore; an upsert is staged.
	waySifted
	// wayStaged: through a temporary table and INSERT … ON CONFLICT.
	wayStaged
)

// optimism decides between wayDirect and waySifted. After a failure batches are
// sifted, twice as many each time, before the direct way is tried again.
type optimism struct {
	mu      sync.Mutex
	sifted  int // batches yet to be sifted
	penalty int // how many the last failure cost
}

// The bounds of the number of batches sifted after a failure.
const (
	minPenalty = 2
	maxPenalty = 512
)

// next is the way for the next batch.
func (o *optimism) next() way {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sifted > 0 {
		o.sifted--
		return waySifted
	}
	return wayDirect
}

// conflict tells that a batch sent directly had a key that the table has.
func (o *optimism) conflict() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sifted > 0 {
		return // batches that were under way at the same time count as one
	}
	o.penalty = min(max(2*o.penalty, minPenalty), maxPenalty)
	o.sifted = o.penalty
}

// clean tells that a batch had no key that the table has.
func (o *optimism) clean() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.penalty /= 2
	o.sifted = min(o.sifted, o.penalty)
}
