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

	refused *replay.Queue[*delivery]

	mu   sync.Mutex // over what is left of segments
	told bool
}

func newDeliveries(w *watch.Watcher, c config, log *service.Logger, s *status.Input, latency *service.MetricTimer) *deliveries {
	return &deliveries{
		watcher: w, status: s, latency: latency, retry: c.autoRetryNacks, nulls: c.nulls, log: log,
		refused: replay.NewQueue[*delivery](),
	}
}

// next returns the next batch: one that was refused and is due again, or new rows.
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
	if err != nil && !d.retry && !d.told {
		d.told = true
		d.log.Warnf("Rows were rejected: %v. Since auto_replay_nacks is false they are read again only after a restart, and so are all rows of the same files behind them", err)
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

// refused returns the rows of a part that were refused.
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
