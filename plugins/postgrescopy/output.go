package postgrescopy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/status"
)

// copyOutput is the postgres_copy output.
type copyOutput struct {
	conf     *outputConfig
	log      *service.Logger
	metrics  *outputMetrics
	patience patience
	quiet    quiet
	status   *status.Output
	board    *status.Board

	mu     sync.RWMutex
	writer *writer // nil while there is no connection

	// lost and refused count the writers that were given up in a row because
	// there was no connection, and because of something that a person has to
	// put right.
	lost, refused atomic.Int32
}

func newCopyOutput(conf *outputConfig, mgr *service.Resources) *copyOutput {
	for _, pattern := range conf.initMissed {
		mgr.Logger().Warnf("init_files: no file matches %s", pattern)
	}
	table, _ := conf.table.Static()
	board := status.Of(mgr)
	o := &copyOutput{
		conf: conf, log: mgr.Logger(), metrics: newOutputMetrics(mgr.Metrics()),
		board: board, status: board.AddOutput(mgr.Label(), table, conf.maxInFlight),
	}
	o.status.DatabaseAt(conf.connection.dial)
	return o
}

// Connect makes sure that the database can be reached, runs the init
// statements, and reads the table and the ledger. It may be called while batches
// are being written, and does nothing if another batch's call has done it all.
func (o *copyOutput) Connect(ctx context.Context) error {
	return o.patience.connect(ctx, func(ctx context.Context) error {
		if w := o.current(); w != nil && !w.given.Load() {
			return nil
		}
		if err := sleep(ctx, o.pause()); err != nil {
			return err
		}
		w, err := o.open(ctx)
		if err != nil {
			o.publishProblem(ctx, err)
			return err
		}
		o.replace(w)
		o.status.Connected()
		return nil
	})
}

// pause is how long to wait before connecting, when connecting succeeds but
// writing does not.
func (o *copyOutput) pause() time.Duration {
	if n := o.refused.Load(); n > 0 {
		return min(slowPause<<min(n-1, 10), longSlowPause)
	}
	if n := o.lost.Load(); n > 1 {
		return min(shortPause<<min(n-2, 10), longShortPause)
	}
	return 0
}

func (o *copyOutput) current() *writer {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.writer
}

// open makes a writer with a pool of its own.
func (o *copyOutput) open(ctx context.Context) (*writer, error) {
	w, err := o.newWriter(ctx)
	if err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{
		w.checkServer,
		func(ctx context.Context) error { return runInitScripts(ctx, w.pool, w.settings, o.conf.initScripts) },
		w.makeLedger,
		w.readTable,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			w.pool.Close()
			return nil, err
		}
	}
	return w, nil
}

func (o *copyOutput) newWriter(ctx context.Context) (*writer, error) {
	pool, err := o.conf.connection.openPool(ctx)
	if err != nil {
		return nil, err
	}
	settings := o.conf.connection.settingsPrefix()
	w := &writer{
		pool:     pool,
		settings: settings,
		targets:  newTargets(o.conf.target, settings),
		ledger:   o.conf.ledger,
		warn:     o.warn,
		retried:  func() { o.metrics.retries.Incr(1) },
	}
	w.table, _ = o.conf.table.Static()
	w.replays.Store(afterReplay)
	return w, nil
}

// replace puts w in the place of the writer that was used so far.
func (o *copyOutput) replace(w *writer) {
	o.mu.Lock()
	old := o.writer
	o.writer = w
	o.mu.Unlock()
	if old != nil {
		go old.pool.Close() // when the batches that use it are through
	}
}

// WriteBatch commits the rows of a batch. The rows that cannot be stored come
// back in a service.BatchError after the others have been committed; every
// other error means that none was, as far as is known.
func (o *copyOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	w := o.current()
	if w == nil {
		return service.ErrNotConnected
	}
	j := o.conf.newJob(batch)
	defer j.release()
	defer o.status.Writing()()

	started := time.Now()
	if err := w.write(ctx, j); err != nil {
		return o.giveBack(w, err)
	}
	o.lost.Store(0)
	o.refused.Store(0)
	o.metrics.committed(j, time.Since(started), w.pool)
	o.publish(batch, j)
	return rejectedRows(batch, j)
}

// giveBack tells the engine to call Connect, and then WriteBatch again.
func (o *copyOutput) giveBack(w *writer, err error) error {
	var lost *errLost
	var misconfigured *errMisconfigured
	switch {
	case errors.As(err, &lost):
		o.metrics.retries.Incr(1)
		w.giveUp(&o.lost)
		o.publishProblem(context.Background(), lost.err)
		o.warn("The connection to PostgreSQL is lost: %s", describe(lost.err))
		return service.ErrNotConnected
	case errors.As(err, &misconfigured):
		o.metrics.retries.Incr(1)
		w.giveUp(&o.refused)
		o.publishProblem(context.Background(), misconfigured.err)
		o.warn("PostgreSQL refuses a batch, which is tried again until this is put right: %s", describe(misconfigured.err))
		return service.ErrNotConnected
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// The pipeline is being stopped in the middle of a batch, or its time is up. Any other error
		// would make a fallback take the rows for rejected; this one makes the
		// engine see that it is stopping, and give no answer for them.
		return errors.Join(err, service.ErrNotConnected)
	}
	return err
}

func (o *copyOutput) warn(format string, args ...any) {
	if message := fmt.Sprintf(format, args...); o.quiet.allows(message) {
		o.log.Warn(message)
	}
}

// rejectedRows lists the rows that were rejected, nil when there are none.
func rejectedRows(batch service.MessageBatch, j *job) error {
	if len(j.rejected) == 0 {
		return nil
	}
	first := len(batch)
	for i := range j.rejected {
		first = min(first, i)
	}
	headline := fmt.Errorf("%d of %d rows were rejected, the first because: %w", len(j.rejected), len(batch), j.rejected[first])
	failed := service.NewBatchError(batch, headline)
	for i, r := range j.rejected {
		failed.Failed(i, r)
	}
	return failed
}

// ConnectionTest connects and reads the table as Connect does, but runs and
// makes nothing.
func (o *copyOutput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	w, err := o.newWriter(ctx)
	if err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	defer w.pool.Close()
	err = w.checkServer(ctx)
	if err == nil {
		err = w.readTable(ctx)
	}
	if err != nil {
		return service.ConnectionTestFailed(&told{describe(err), err}).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// Close waits for the batches that are under way, until ctx is done.
func (o *copyOutput) Close(ctx context.Context) error {
	o.mu.Lock()
	w := o.writer
	o.writer = nil
	o.mu.Unlock()
	o.status.Disconnected()
	if w == nil {
		return nil
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		w.pool.Close()
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
