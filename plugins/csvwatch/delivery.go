package csvwatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// Rejected rows are tried again after retryFirst, then after twice as long each time, up to retryMost.
const (
	retryFirst = 10 * time.Millisecond
	retryMost  = time.Second
)

// delivery is a batch on its way. The rows are kept until they are acknowledged, so that rejected ones can be made into
// messages again; messages themselves are given away for good, which spares the pipeline from copying them before it
// changes them.
type delivery struct {
	parts    []part
	places   []place
	attempts int
	once     sync.Once
}

// part is what a delivery has of one segment.
type part struct {
	segment *pending
	rows    []int // those that are in it; nil for all
}

func (p *part) len() int {
	if p.rows == nil {
		return len(p.segment.Rows)
	}
	return len(p.rows)
}

func (p *part) row(i int) int {
	if p.rows == nil {
		return i
	}
	return p.rows[i]
}

// pending is a segment of which some rows have no answer yet.
type pending struct {
	*watch.Segment
	origin   origin
	left     int
	rejected bool // some row was rejected for good
}

// deliveries turns segments into batches, and takes their answers.
type deliveries struct {
	watcher *watch.Watcher
	retry   bool
	log     *service.Logger

	mu    sync.Mutex
	again []*delivery   // whose time to be tried again has come
	due   chan struct{} // has a value when there are any
	told  bool
}

func newDeliveries(w *watch.Watcher, retry bool, log *service.Logger) *deliveries {
	return &deliveries{watcher: w, retry: retry, log: log, due: make(chan struct{}, 1)}
}

// next gives the next batch: one that was rejected and is due again, or new rows.
func (d *deliveries) next(ctx context.Context, most int) (service.MessageBatch, service.AckFunc, error) {
	for {
		if out := d.takeDue(); out != nil {
			batch, ack := d.messages(out)
			return batch, ack, nil
		}
		segments, err := d.watcher.Next(ctx, most, d.due)
		if err != nil {
			return nil, nil, err
		}
		if len(segments) > 0 {
			batch, ack := d.batch(segments)
			return batch, ack, nil
		}
	}
}

func (d *deliveries) takeDue() *delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.again) == 0 {
		return nil
	}
	out := d.again[0]
	d.again[0] = nil
	d.again = d.again[1:]
	if len(d.again) > 0 {
		d.poke()
	}
	return out
}

func (d *deliveries) poke() {
	select {
	case d.due <- struct{}{}:
	default:
	}
}

// batch makes the messages of new segments.
func (d *deliveries) batch(segments []*watch.Segment) (service.MessageBatch, service.AckFunc) {
	out := &delivery{parts: make([]part, len(segments))}
	for i, s := range segments {
		out.parts[i].segment = &pending{Segment: s, origin: originOf(s), left: len(s.Rows)}
	}
	return d.messages(out)
}

func (d *deliveries) messages(out *delivery) (service.MessageBatch, service.AckFunc) {
	n := 0
	for i := range out.parts {
		n += out.parts[i].len()
	}
	out.places = make([]place, n)
	batch := make(service.MessageBatch, 0, n)
	for i := range out.parts {
		p := &out.parts[i]
		for j := range p.len() {
			at := &out.places[len(batch)]
			*at = place(len(batch))
			batch = append(batch, p.segment.origin.message(at, &p.segment.Rows[p.row(j)]))
		}
	}
	return batch, func(_ context.Context, err error) error {
		out.once.Do(func() { d.answer(out, err) })
		return nil
	}
}

// answer takes what became of a delivery.
func (d *deliveries) answer(out *delivery, err error) {
	failed := out.failed(err)
	next := &delivery{attempts: out.attempts + 1}
	d.mu.Lock()
	defer d.mu.Unlock()
	first := 0
	for i := range out.parts {
		p := &out.parts[i]
		n := p.len()
		rejected := failed.of(p, first)
		first += n
		switch {
		case len(rejected) == 0:
			d.settle(p.segment, n, false)
		case d.retry:
			d.settle(p.segment, n-len(rejected), false)
			next.parts = append(next.parts, part{p.segment, rejected})
		default:
			d.settle(p.segment, n, true)
		}
	}
	if err != nil && !d.retry && !d.told {
		d.told = true
		d.log.Warnf("Rows were rejected: %v. Since auto_retry_nacks is false they are read again only after a restart, and so are all rows of the same files behind them", err)
	}
	if len(next.parts) > 0 {
		time.AfterFunc(backOff(next.attempts), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.again = append(d.again, next)
			d.poke()
		})
	}
}

// settle notes the answer for n rows of p. The lock is held.
func (d *deliveries) settle(p *pending, n int, rejected bool) {
	p.rejected = p.rejected || rejected
	p.left -= n
	switch {
	case p.left > 0:
	case p.rejected:
		d.watcher.Abandon(p.Segment)
	default:
		d.watcher.Done(p.Segment)
	}
}

// failures tells which rows of a delivery were rejected.
type failures struct {
	all  bool
	some map[int]bool
}

// of gives the rows of a part, whose first row has the given place in the delivery, that were rejected.
func (f failures) of(p *part, first int) (rows []int) {
	if !f.all && len(f.some) == 0 {
		return nil
	}
	for i := range p.len() {
		if f.all || f.some[first+i] {
			rows = append(rows, p.row(i))
		}
	}
	return rows
}

// failed reads from err which rows of the delivery were rejected: all, unless the error lists some.
func (out *delivery) failed(err error) failures {
	if err == nil {
		return failures{}
	}
	var batchErr *service.BatchError
	if !errors.As(err, &batchErr) || batchErr.IndexedErrors() == 0 {
		return failures{all: true}
	}
	f := failures{some: map[int]bool{}}
	batchErr.WalkMessages(func(_ int, m *service.Message, err error) bool {
		if err == nil {
			return true
		}
		i, ok := placeOf(m, out)
		if !ok {
			// What was made of the messages cannot be led back to them.
			f.all = true
			return false
		}
		f.some[i] = true
		return true
	})
	f.all = f.all || len(f.some) == 0
	return f
}

// backOff is how long to wait before the given repeated attempt.
func backOff(attempt int) time.Duration {
	return min(retryMost, retryFirst<<min(attempt-1, 10))
}
