package csvwatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/status"
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
	status  *status.Input
	latency *service.MetricTimer
	retry   bool
	nulls   []string
	log     *service.Logger

	mu    sync.Mutex
	again []*delivery   // whose time to be tried again has come
	due   chan struct{} // has a value when there are any
	told  bool
}

func newDeliveries(w *watch.Watcher, c config, log *service.Logger, s *status.Input, latency *service.MetricTimer) *deliveries {
	return &deliveries{watcher: w, status: s, latency: latency, retry: c.autoRetryNacks, nulls: c.nulls, log: log, due: make(chan struct{}, 1)}
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
		out.parts[i].segment = &pending{Segment: s, origin: originOf(s, d.nulls), left: len(s.Rows)}
	}
	return d.messages(out)
}

func (d *deliveries) messages(out *delivery) (service.MessageBatch, service.AckFunc) {
	n := 0
	for i := range out.parts {
		n += out.parts[i].len()
	}
	batch := make(service.MessageBatch, 0, n)
	for i := range out.parts {
		p := &out.parts[i]
		for j := range p.len() {
			batch = append(batch, p.segment.origin.message(&p.segment.Rows[p.row(j)]))
		}
	}
	return batch, func(_ context.Context, err error) error {
		out.once.Do(func() { d.answer(out, err) })
		return nil
	}
}

// answer takes what became of a delivery.
func (d *deliveries) answer(out *delivery, err error) {
	failed := failedRows(err)
	if !failed.all && failed.among(out) < len(failed.some) {
		failed.all = true // some of those named were never ours: what was meant is unknown
	}
	next := &delivery{attempts: out.attempts + 1}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range out.parts {
		p := &out.parts[i]
		n := p.len()
		rejected := failed.of(p)
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
		d.log.Warnf("Rows were rejected: %v. Since auto_replay_nacks is false they are read again only after a restart, and so are all rows of the same files behind them", err)
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
		d.latency.Timing(d.status.Done(len(p.Rows), p.Appeared).Nanoseconds())
	}
}

// failures tells which rows of a delivery were rejected.
type failures struct {
	all  bool
	some map[rowName]bool
}

// of gives the rows of a part that were rejected.
func (f failures) of(p *part) (rows []int) {
	if !f.all && len(f.some) == 0 {
		return nil
	}
	name := rowName{channel: p.segment.Channel}
	for i := range p.len() {
		n := p.row(i)
		name.row = p.segment.Rows[n].Number
		if f.all || f.some[name] {
			rows = append(rows, n)
		}
	}
	return rows
}

// among is how many rows of a delivery were rejected.
func (f failures) among(out *delivery) (n int) {
	for i := range out.parts {
		n += len(f.of(&out.parts[i]))
	}
	return n
}

// failedRows reads from an answer which rows were rejected: all, unless the error lists some messages that can be led back
// to their rows.
func failedRows(err error) failures {
	if err == nil {
		return failures{}
	}
	var batchErr *service.BatchError
	if !errors.As(err, &batchErr) || batchErr.IndexedErrors() == 0 {
		return failures{all: true}
	}
	f := failures{some: map[rowName]bool{}}
	//nolint:staticcheck // Deprecated because of its indexes, which are not used: each message knows its row.
	batchErr.WalkMessages(func(_ int, m *service.Message, err error) bool {
		if err == nil {
			return true
		}
		name, ok := rowNameOf(m)
		if !ok {
			f.all = true
			return false
		}
		f.some[name] = true
		return true
	})
	f.all = f.all || len(f.some) == 0
	return f
}

// backOff is how long to wait before the given repeated attempt.
func backOff(attempt int) time.Duration {
	return min(retryMost, retryFirst<<min(attempt-1, 10))
}
