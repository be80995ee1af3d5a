package csvwatch

import (
	"context"
	"iter"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/replay"
	"github.com/ecommerce-ingest/connect/internal/status"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// delivery is a batch in flight. It keeps the rows until they are acknowledged, so that rejected rows can become messages
// again. It does not keep the messages, so the pipeline may change them without a copy.
type delivery struct {
	parts    []part
	attempts int
	once     sync.Once
}

// part is the rows of one segment in a delivery.
type part struct {
	segment *pending
	rows    []int // indexes; nil for all
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

// pending is a segment with rows in flight.
type pending struct {
	*watch.Segment
	origin   origin
	left     int  // rows in flight
	rejected bool // a row was rejected and will not be sent again
}

// deliveries turns segments into batches and handles their acknowledgements. next is called from one goroutine,
// acknowledgements come from any.
type deliveries struct {
	watcher *watch.Watcher
	status  *status.Input
	latency *service.MetricTimer
	retry   bool
	nulls   []string
	log     *service.Logger

	refused *replay.Queue[*delivery]

	mu     sync.Mutex // guards the segments in flight and warned
	warned bool
}

func newDeliveries(w *watch.Watcher, c config, log *service.Logger, s *status.Input, latency *service.MetricTimer) *deliveries {
	return &deliveries{
		watcher: w, status: s, latency: latency, retry: c.autoRetryNacks, nulls: c.nulls, log: log,
		refused: replay.NewQueue[*delivery](),
	}
}

// next returns the next batch: rejected rows that are due again, or new rows.
func (d *deliveries) next(ctx context.Context, most int) (service.MessageBatch, service.AckFunc, error) {
	for {
		if out, ok := d.refused.Take(); ok {
			batch, ack := d.messages(out)
			return batch, ack, nil
		}
		segments, err := d.watcher.Next(ctx, most, d.refused.Due())
		if err != nil {
			return nil, nil, err
		}
		if len(segments) > 0 {
			batch, ack := d.batch(segments)
			return batch, ack, nil
		}
	}
}

// batch returns the messages of new segments.
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

// answer handles the acknowledgement of a delivery, or its rejection by err.
func (d *deliveries) answer(out *delivery, err error) {
	refusal := replay.RefusalOf(err, rowNameOf, out.names())
	next := &delivery{attempts: out.attempts + 1}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range out.parts {
		p := &out.parts[i]
		n := p.len()
		refused := p.refused(refusal)
		switch {
		case len(refused) == 0:
			d.settle(p.segment, n, false)
		case d.retry:
			d.settle(p.segment, n-len(refused), false)
			next.parts = append(next.parts, part{p.segment, refused})
		default:
			d.settle(p.segment, n, true)
		}
	}
	if err != nil && !d.retry && !d.warned {
		d.warned = true
		d.log.Warnf("Rows were rejected: %v. Because auto_replay_nacks is false, they and the later rows of the same files are read again only after a restart", err)
	}
	if len(next.parts) > 0 {
		d.refused.Add(next, next.attempts)
	}
}

// names yields the name of each row of a delivery.
func (out *delivery) names() iter.Seq[rowName] {
	return func(yield func(rowName) bool) {
		for i := range out.parts {
			p := &out.parts[i]
			for j := range p.len() {
				if !yield(p.name(p.row(j))) {
					return
				}
			}
		}
	}
}

func (p *part) name(row int) rowName {
	return rowName{channel: p.segment.Channel, row: p.segment.Rows[row].Number}
}

// refused returns the rejected rows of a part.
func (p *part) refused(refusal replay.Refusal[rowName]) (rows []int) {
	if refusal.None() {
		return nil
	}
	for i := range p.len() {
		if row := p.row(i); refusal.Has(p.name(row)) {
			rows = append(rows, row)
		}
	}
	return rows
}

// settle records that n rows of p are acknowledged, or rejected for good. d.mu is held.
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
