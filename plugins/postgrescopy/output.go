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
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// copyOutput is the postgres_copy output.
type copyOutput struct {
	conf        *outputConfig
	log         *service.Logger
	metrics     *outputMetrics
	reconnector conn.Reconnector
	warned      conn.LogFilter
	skipped     skipLog
	rejects     rejectLog
	returned    returnedRows
	status      *status.Output
	board       *status.Board

	mu     sync.RWMutex
	writer *load.Writer // nil while there is no connection
	stop   func()       // ends observe; nil before the first connection

	// lost and refused count the writers that were replaced in a row because
	// there was no connection, and because of something that an operator has to
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
	o.rejects.warn = o.log.Warnf
	o.status.DatabaseAt(conf.connection.Dial)
	return o
}

// Connect makes sure that the database can be reached, runs the init
// statements, and reads the table and the ledger. It may be called while batches
// are being written, and does nothing if another batch's call has done it all.
func (o *copyOutput) Connect(ctx context.Context) error {
	err := o.reconnector.Connect(ctx, func(ctx context.Context) error {
		if w := o.current(); w != nil && !w.Replaced() {
			return nil
		}
		if err := conn.Sleep(ctx, conn.PauseAfter(o.lost.Load(), o.refused.Load())); err != nil {
			return err
		}
		w, err := o.open(ctx)
		if err != nil {
			o.publishProblem(ctx, err)
			return err
		}
		o.replace(w)
		o.connected()
		return nil
	})
	var failed *conn.ConnectError
	if errors.As(err, &failed) {
		return service.NewErrBackOff(failed, failed.RetryAfter)
	}
	return err
}

func (o *copyOutput) current() *load.Writer {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.writer
}

// open makes a writer with a pool of its own.
func (o *copyOutput) open(ctx context.Context) (*load.Writer, error) {
	w, err := o.newWriter(ctx)
	if err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{
		o.checkVersion(w),
		func(ctx context.Context) error { return w.Pool.RunInitScripts(ctx, o.conf.initScripts) },
		func(ctx context.Context) error {
			if w.Ledger == nil {
				return nil
			}
			return w.Ledger.Prepare(ctx, w.Pool)
		},
		w.ReadTable,
		w.ReadRejectsTable,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			w.Pool.Close()
			return nil, err
		}
	}
	return w, nil
}

func (o *copyOutput) checkVersion(w *load.Writer) func(context.Context) error {
	return func(ctx context.Context) error { return w.Pool.CheckVersion(ctx, w.Ledger != nil) }
}

func (o *copyOutput) newWriter(ctx context.Context) (*load.Writer, error) {
	pool, err := o.conf.connection.Open(ctx)
	if err != nil {
		return nil, err
	}
	name, _ := o.conf.table.Static()
	rejects := ""
	if o.conf.rejects != nil {
		rejects = o.conf.rejects.table
	}
	return load.New(load.Config{
		RejectsTable: rejects,
		Pool:         pool,
		Table:        name,
		Tables:       o.conf.tableOptions,
		Ledger:       o.conf.ledger,
		Warn:         o.warn,
		DryRun:       o.conf.dryRun,
		Retried:      func() { o.metrics.retries.Incr(1) },
		Blocked:      o.blocked,
	}), nil
}

// blocked publishes that a batch waits for a lock.
func (o *copyOutput) blocked(since time.Time, by string) (over func()) {
	over = o.status.Blocked(since, by)
	o.metrics.lockWaits.Incr(1)
	o.metrics.awaitingLock.Set(int64(o.status.AwaitingLock()))
	return over
}

// replace puts w in the place of the writer that was used so far.
func (o *copyOutput) replace(w *load.Writer) {
	o.mu.Lock()
	old := o.writer
	o.writer = w
	if o.stop == nil {
		var ctx context.Context
		ctx, o.stop = context.WithCancel(context.Background())
		go o.observe(ctx)
	}
	o.mu.Unlock()
	if old != nil {
		o.metrics.reconnects.Incr(1)
		go old.Pool.Close() // when the batches that use it are through
	}
}

// WriteBatch commits the rows of a batch. The rows that cannot be stored come
// back in a service.BatchError after the others have been committed; every
// other error means that none was, as far as is known.
func (o *copyOutput) WriteBatch(ctx context.Context, messages service.MessageBatch) error {
	w := o.current()
	if w == nil {
		return service.ErrNotConnected
	}
	b := o.conf.newBatch(messages)
	defer b.Release()
	defer o.status.Writing()()

	started := time.Now()
	if err := w.Write(ctx, b); err != nil {
		return o.giveBack(w, messages, err)
	}
	o.lost.Store(0)
	o.refused.Store(0)
	o.metrics.committed(b, time.Since(started), w.Pool)
	o.logSkipped(o.skipped.add(b.Result))
	o.publish(messages, b, started)
	if o.conf.rejects != nil {
		o.rejects.add(messages, b)
		return nil
	}
	return o.rejectedRows(ctx, messages, b.Rejected)
}

// giveBack has the engine call Connect, and then WriteBatch again.
func (o *copyOutput) giveBack(w *load.Writer, messages service.MessageBatch, err error) error {
	var lost *load.LostError
	var refused *load.RefusedError
	switch {
	case errors.As(err, &lost):
		o.metrics.retries.Incr(1)
		o.publishProblem(context.Background(), lost.Err)
		if w.Replace() { // the others would say the same in other words
			o.lost.Add(1)
			o.warn("The connection to PostgreSQL is lost; the rows wait until there is another one: %s", pgerr.Describe(lost.Err))
		}
		return service.ErrNotConnected
	case errors.As(err, &refused):
		o.metrics.retries.Incr(1)
		if w.Replace() {
			o.refused.Add(1)
		}
		o.publishProblem(context.Background(), refused.Err)
		o.warn("PostgreSQL refuses a batch for %s, which is tried again until this is put right: %s%s", o.tableName(), pgerr.Describe(refused.Err), rowOf(messages, refused.Message))
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
	if message := fmt.Sprintf(format, args...); o.warned.Allows(message) {
		o.log.Warn(message)
	}
}

// tableName is how the log names the table.
func (o *copyOutput) tableName() string {
	if name, static := o.conf.table.Static(); static {
		return "table " + name
	}
	return "the tables that messages name"
}

// rowOf returns, in parentheses, the file and row of a message, as far as its
// metadata have them; message -1 is none.
func rowOf(messages service.MessageBatch, message int) string {
	if message < 0 || message >= len(messages) {
		return ""
	}
	path, _ := messages[message].MetaGetMut("path")
	row, _ := messages[message].MetaGetMut("csv_row")
	switch {
	case path != nil && row != nil:
		return fmt.Sprintf(" (file %v, row %v)", path, row)
	case path != nil:
		return fmt.Sprintf(" (file %v)", path)
	}
	return ""
}

// rejectedRows lists the rows that were rejected, nil when there are none. If nothing
// else takes them, they come again at once and for ever; so they are held back
// for a while, the longer the more often the first has come.
func (o *copyOutput) rejectedRows(ctx context.Context, messages service.MessageBatch, rejected map[int]pgerr.Rejection) error {
	if len(rejected) == 0 {
		return nil
	}
	first := len(messages)
	for i := range rejected {
		first = min(first, i)
	}
	headline := fmt.Errorf("%s: %d of %d rows were rejected, the first%s because: %w. Add `rejects`, or a `fallback` output, to store what is rejected",
		o.tableName(), len(rejected), len(messages), rowOf(messages, first), rejected[first])
	if err := conn.Sleep(ctx, o.returned.pause(messages[first])); err != nil {
		return errors.Join(err, service.ErrNotConnected)
	}
	failed := service.NewBatchError(messages, headline)
	for i, r := range rejected {
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
	defer w.Pool.Close()
	if err = o.checkVersion(w)(ctx); err == nil {
		err = w.ReadTable(ctx)
	}
	if err == nil {
		err = w.ReadRejectsTable(ctx)
	}
	if err != nil {
		return service.ConnectionTestFailed(conn.Described(err)).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// Close waits for the batches that are under way, until ctx is done.
func (o *copyOutput) Close(ctx context.Context) error {
	o.mu.Lock()
	w, stop := o.writer, o.stop
	o.writer = nil
	o.mu.Unlock()
	if stop != nil {
		stop()
	}
	o.rejects.flush()
	o.status.Disconnected()
	o.logSkipped(o.skipped.end())
	if w == nil {
		return nil
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		w.Pool.Close()
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
