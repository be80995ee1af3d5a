package ecommerceevents

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// replays keeps the rows of messages until they are acknowledged, and gives
// those back that were not. It holds rows, not messages: what is sent again is
// made anew, so whoever gets a message may change it without a copy.
//
// The engine has a wrapper for this purpose, service.AutoRetryNacksBatched. It
// costs about as much a message as the simulation itself.
type replays struct {
	changed chan struct{} // has one item whenever there may be something to do

	mu       sync.Mutex
	failed   []*delivery
	inFlight int
	spare    [][]row
}

// delivery is a batch on its way.
type delivery struct {
	rows     []row
	attempts int
}

// spareRows bounds how many slices of rows are kept for reuse.
const spareRows = 8

func newReplays() *replays {
	return &replays{changed: make(chan struct{}, 1)}
}

// rows gives an empty slice for a new batch.
func (r *replays) rows(n int) []row {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := len(r.spare) - 1; last >= 0 {
		rows := r.spare[last]
		r.spare = r.spare[:last]
		return rows
	}
	return make([]row, 0, n)
}

// takeFailed gives the oldest batch that has to be sent again, and how long to
// wait before, or nil.
func (r *replays) takeFailed() (*delivery, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) == 0 {
		return nil, 0
	}
	d := r.failed[0]
	r.failed = r.failed[1:]
	return d, backOff(d.attempts)
}

// giveBack undoes takeFailed.
func (r *replays) giveBack(d *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append([]*delivery{d}, r.failed...)
}

// idle says whether all that was sent has been acknowledged.
func (r *replays) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inFlight == 0 && len(r.failed) == 0
}

// send makes the messages of a delivery and the function that acknowledges them.
func (r *replays) send(d *delivery) (service.MessageBatch, service.AckFunc) {
	r.mu.Lock()
	r.inFlight++
	r.mu.Unlock()

	batch := make(service.MessageBatch, len(d.rows))
	places := make([]place, len(d.rows))
	for i := range d.rows {
		places[i] = place{Context: context.Background(), delivery: d, index: i}
		batch[i] = service.NewMessageWithContext(&places[i], nil)
		d.rows[i].fill(batch[i])
	}
	var once sync.Once
	return batch, func(_ context.Context, err error) error {
		once.Do(func() { r.settle(d, err) })
		return nil
	}
}

func (r *replays) settle(d *delivery, err error) {
	r.mu.Lock()
	r.inFlight--
	if err != nil {
		d.attempts++
		d.rows = failedRows(d, err)
		r.failed = append(r.failed, d)
	} else if len(r.spare) < spareRows {
		clear(d.rows)
		r.spare = append(r.spare, d.rows[:0])
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// failedRows gives the rows whose messages the error lists, in order: all of
// them if it lists none, or others than the delivery's own.
func failedRows(d *delivery, err error) []row {
	var batchErr *service.BatchError
	if !errors.As(err, &batchErr) || batchErr.IndexedErrors() == 0 {
		return d.rows
	}
	failed := make([]bool, len(d.rows))
	known := true
	//nolint:staticcheck // SA1019: what makes it harmful is its index, which is not used; the message knows its place
	batchErr.WalkMessages(func(_ int, msg *service.Message, err error) bool {
		if err == nil {
			return true
		}
		p, ok := msg.Context().Value(placeKey{}).(*place)
		if known = ok && p.delivery == d; known {
			failed[p.index] = true
		}
		return known
	})
	if !known {
		return d.rows
	}
	rows := make([]row, 0, len(d.rows))
	for i, f := range failed {
		if f {
			rows = append(rows, d.rows[i])
		}
	}
	return rows
}

// backOff is the wait before a batch is sent again after so many attempts.
func backOff(attempts int) time.Duration {
	if attempts <= 2 {
		return 0
	}
	return min(time.Millisecond<<min(attempts, 10), time.Second)
}

// place is the context of a message: it tells, however the message was copied,
// wrapped or filtered on its way, which row it was made of.
type place struct {
	context.Context
	delivery *delivery
	index    int
}

type placeKey struct{}

// Value implements context.Context.
func (p *place) Value(key any) any {
	if _, ok := key.(placeKey); ok {
		return p
	}
	return nil // the parent is the background, which holds no values
}
