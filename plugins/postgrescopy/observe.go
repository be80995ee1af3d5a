package postgrescopy

import (
	"context"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

const (
	// observeEvery is how often the figures are brought up to date, and how often an
	// idle database is asked whether it is there.
	observeEvery = 2 * time.Second
	// observeTimeout bounds the wait for its answer.
	observeTimeout = 2 * time.Second
	// measureEvery is how often the ledger and the partitions are measured.
	measureEvery = time.Minute
)

// observe keeps what is published up to date, whether or not batches are written, until
// the context ends.
func (o *copyOutput) observe(ctx context.Context) {
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	var measured time.Time
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		o.publishTimes()
		if w := o.current(); w != nil && !w.Replaced() {
			if !o.status.Busy() {
				o.ask(ctx, w)
			}
			if time.Since(measured) >= measureEvery {
				measured = time.Now()
				o.measure(ctx, w)
			}
		}
	}
}

// publishTimes passes on how the time was spent.
func (o *copyOutput) publishTimes() {
	writing, full := o.status.Times()
	o.metrics.writing.pass(writing)
	o.metrics.full.pass(full)
	o.metrics.awaitingLock.Set(int64(o.status.AwaitingLock()))
}

// ask publishes whether the database answers. While no batch is written, nothing else
// would notice that it is away.
func (o *copyOutput) ask(ctx context.Context, w *load.Writer) {
	limited, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	err := w.Pool.Ping(limited)
	switch {
	case ctx.Err() != nil || w.Replaced() || o.status.Busy():
		// A batch finds out by itself.
	case err != nil:
		o.metrics.up.Set(0)
		o.status.Away(pgerr.Describe(err))
	default:
		o.connected()
	}
}

// connected publishes that the database is there.
func (o *copyOutput) connected() {
	o.metrics.up.Set(1)
	o.status.Connected()
}

// measure publishes how large the ledger is, and how far the partitions reach. It
// leaves out what the role may not see.
func (o *copyOutput) measure(ctx context.Context, w *load.Writer) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if w.Ledger != nil {
		if size, err := w.Ledger.Size(ctx, w.Pool); err == nil {
			o.metrics.ledger.Set(size)
		}
	}
	if name, static := o.conf.table.Static(); static {
		if until, found, err := table.PartitionsUntil(ctx, w.Pool, name); err == nil && found {
			o.metrics.partitions.Set(until.Unix())
		}
	}
}
