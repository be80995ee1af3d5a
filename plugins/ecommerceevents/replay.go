package ecommerceevents

import (
	"context"
	"iter"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/replay"
)

// replays keeps the rows of messages until they are acknowledged, to send rejected
// ones again. It is safe for concurrent use.
type replays struct {
	refused *replay.Queue[*delivery]
	changed chan struct{} // has one item when a batch was acknowledged

	mu       sync.Mutex
	inFlight int
	spare    [][]row
}

// delivery is a batch in flight.
type delivery struct {
	rows     []row
	refusals int
}

// spareRows bounds how many slices of rows are kept for reuse.
const spareRows = 8

func newReplays() *replays {
	return &replays{refused: replay.NewQueue[*delivery](), changed: make(chan struct{}, 1)}
}

// rows returns an empty slice for a new batch.
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

// idle reports whether all batches have been acknowledged.
func (r *replays) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inFlight == 0
}

// sendNew returns the messages of new rows, and the function that acknowledges
// them.
func (r *replays) sendNew(rows []row) (service.MessageBatch, service.AckFunc) {
	r.mu.Lock()
	r.inFlight++
	r.mu.Unlock()
	return r.send(&delivery{rows: rows})
}

func (r *replays) send(d *delivery) (service.MessageBatch, service.AckFunc) {
	batch := make(service.MessageBatch, len(d.rows))
	for i := range d.rows {
		batch[i] = service.NewMessage(nil)
		d.rows[i].fill(batch[i])
		batch[i].MetaSetMut(metaNumber, d.rows[i].number)
	}
	var once sync.Once
	return batch, func(_ context.Context, err error) error {
		once.Do(func() { r.settle(d, err) })
		return nil
	}
}

// settle handles the acknowledgement of a delivery, or its rejection.
func (r *replays) settle(d *delivery, err error) {
	if err != nil {
		refusal := replay.RefusalOf(err, numberOf, d.numbers())
		var rows []row
		for i := range d.rows {
			if refusal.Has(d.rows[i].number) {
				rows = append(rows, d.rows[i])
			}
		}
		d.rows = rows
		d.refusals++
		r.refused.Add(d, d.refusals)
		return
	}
	r.mu.Lock()
	r.inFlight--
	if len(r.spare) < spareRows {
		clear(d.rows)
		r.spare = append(r.spare, d.rows[:0])
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// numbers yields the number of each row of a delivery.
func (d *delivery) numbers() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range d.rows {
			if !yield(d.rows[i].number) {
				return
			}
		}
	}
}

// numberOf returns the number of a message's row.
func numberOf(m *service.Message) (number int64, ok bool) {
	value, _ := m.MetaGetMut(metaNumber)
	number, ok = value.(int64)
	return number, ok
}
