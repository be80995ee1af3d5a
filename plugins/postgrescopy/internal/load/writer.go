// Package load brings one batch of rows into the database: how it is sent, its
// transaction, and which of its rows are bad.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// Writer brings batches into the database. Many goroutines may use it.
type Writer struct {
	Config
	tables  *table.Cache
	rejects *table.Cache // nil without RejectsTable

	replaced atomic.Bool
	replays  replayHint
}

// Config is what a Writer needs.
type Config struct {
	Pool   *conn.Pool
	Table  string // empty: each batch names its tables
	Tables table.Options
	Ledger *ledger.Ledger // nil without exactly_once
	// DryRun rolls back every transaction in place of committing it.
	DryRun bool
	// RejectsTable takes rejected rows in the transaction that stores the others;
	// empty: rejected rows are returned only.
	RejectsTable string

	Warn    func(format string, args ...any)
	Retried func() // a batch is tried again
	// Blocked is called when a batch has waited long for a lock, with since when and who
	// holds it. What it returns is called once the batch waits no longer.
	Blocked func(since time.Time, by string) (over func())
}

// New returns a writer.
func New(config Config) *Writer {
	w := &Writer{Config: config, tables: table.NewCache(config.Tables, config.Pool)}
	if config.RejectsTable != "" {
		w.rejects = table.NewCache(rejectsOptions, config.Pool)
	}
	w.replays.expect()
	return w
}

// Replace marks the writer for replacement, and reports whether it was not
// marked before, however many batches notice.
func (w *Writer) Replace() bool { return !w.replaced.Swap(true) }

// Replaced reports whether the writer is marked for replacement.
func (w *Writer) Replaced() bool { return w.replaced.Load() }

// LostError means that there is no connection to the database. It wraps why.
type LostError struct{ Err error }

func (e *LostError) Error() string { return e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }

// RefusedError means that an operator has to do something. It wraps what. Message is
// the place of a message in the batch that shows it, or -1.
type RefusedError struct {
	Err     error
	Message int
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// maxUnclear is how often a batch is tried again as it is when it is unclear
// whether a row is at fault.
const maxUnclear = 2

// maxRaised is how often a batch is tried again as it is when a function of the
// database raises an error that should pass by itself; that takes about ten seconds.
const maxRaised = 8

// maxTimeouts is how often a batch is tried again as it is when it takes longer than
// statement_timeout allows. Then its rows are sent in smaller parts.
const maxTimeouts = 2

// Write commits the rows of a batch that can be stored, and rejects the others
// in b.Rejected. It returns when that is done, or with an error after which
// nothing of the batch is committed (but see LostError), and none of its rows is
// to be taken for bad: the context's, a *LostError or a *RefusedError.
func (w *Writer) Write(ctx context.Context, b *Batch) error {
	var (
		pause                     backoff
		unclear, raised, timeouts int
	)
	for {
		err := w.attempt(ctx, b)
		if err == nil {
			b.Result.Filtered = b.filtered()
			b.spreadRejections()
			return nil
		}
		class := pgerr.Classify(ctx, err)
		if !class.Retry() {
			settled, err2 := w.settle(ctx, b, err, class)
			if err2 != nil {
				err, class = err2, pgerr.Classify(ctx, err2)
			} else if settled {
				continue
			}
		}
		switch class {
		case pgerr.Cancelled:
			return ctx.Err()
		case pgerr.Lost:
			return &LostError{err}
		case pgerr.Operator:
			return &RefusedError{err, messageOf(err)}
		case pgerr.Unclear:
			if unclear++; unclear > maxUnclear {
				b.isolating = true
			}
		case pgerr.Temporary:
			switch {
			case pgerr.Raised(err):
				if raised++; raised > maxRaised {
					b.isolating, b.byHere, b.suspects = true, true, true
				}
			case pgerr.Is(err, "57014"):
				if timeouts++; timeouts > maxTimeouts {
					b.isolating = true
				}
			}
		}
		b.noteDeadlock(err)
		if pgerr.Is(err, "25006") { // read_only_sql_transaction
			// The primary may be another host by now: connect anew, so that
			// target_session_attrs is looked at again.
			w.Pool.Reset()
		}
		w.Retried()
		w.Warn("Writing a batch failed and is tried again: %s%s", pgerr.Describe(err), w.adviceFor(ctx, err))
		if err := pause.wait(ctx); err != nil {
			return err
		}
	}
}

// adviceFor returns what to do if an error comes again, empty if nothing is.
func (w *Writer) adviceFor(ctx context.Context, err error) string {
	if !pgerr.Is(err, "57014") || pgerr.Raised(err) {
		return ""
	}
	limit := "0"
	_ = w.Pool.InTransaction(ctx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, "SHOW statement_timeout").Scan(&limit) })
	if limit == "0" { // somebody has cancelled it
		return ""
	}
	return fmt.Sprintf(". Its statement_timeout is %s: if this goes on, raise `statement_timeout`, or send smaller batches with `batching`", limit)
}

// rowOperatorError is an error of a row, by its message, that is for an operator.
type rowOperatorError struct {
	message int
	err     pgerr.RowError
}

func (e *rowOperatorError) Error() string { return e.err.Describe() }
func (e *rowOperatorError) Unwrap() error { return &pgerr.OperatorError{Message: e.Error()} }

// messageOf returns the place of the message that an error names, or -1.
func messageOf(err error) int {
	var row *rowOperatorError
	var failed *groupError
	if errors.As(err, &row) {
		return row.message
	}
	if pgErr, ok := pgerr.As(err); ok && errors.As(err, &failed) {
		if line, _ := failed.lineOf(pgErr.Where); line > 0 {
			return failed.Rows.Message(failed.Order[line-1])
		}
		if len(failed.Order) == 1 {
			return failed.Rows.Message(failed.Order[0])
		}
	}
	return -1
}

// settle does what a failed attempt calls for, and reports whether the next can
// follow at once.
func (w *Writer) settle(ctx context.Context, b *Batch, err error, class pgerr.Class) (bool, error) {
	b.readLedger = true
	var storing *rejectsError
	if errors.As(err, &storing) {
		return false, nil
	}
	if ledger.IsOverlap(err) {
		return true, nil
	}
	var failed *groupError
	inGroup := errors.As(err, &failed)
	if inGroup && failed.tryAnotherStrategy() {
		return true, nil
	}
	changed, err := w.reloadChanged(ctx, b, class != pgerr.BadRow)
	if err != nil || changed {
		return changed, err
	}
	switch {
	case class != pgerr.BadRow || b.isolating:
		return false, nil
	case inGroup && b.rejectNamed(failed):
		return true, nil
	}
	b.isolating = true
	return true, nil
}

// tryAnotherStrategy has the rows of an ignore or upsert sent otherwise when a
// key is there already, and reports whether that is why they failed.
func (e *groupError) tryAnotherStrategy() bool {
	if e.staged || e.of.table.Mode == table.Append || e.of.strategy == table.Staged || !pgerr.Is(e.err, "23505") {
		return false
	}
	if e.of.strategy == table.Direct {
		e.of.table.Strategy.Conflict()
		if e.of.strategy = table.SkipExisting; e.of.table.Mode == table.Upsert {
			e.of.strategy = table.Staged
		}
	} else {
		e.of.strategy = table.Staged
	}
	return true
}

// attempt encodes what is not encoded, and sends the batch once.
func (w *Writer) attempt(ctx context.Context, b *Batch) error {
	if err := w.encode(ctx, b); err != nil {
		return err
	}
	if err := w.getRejectsTable(ctx, b); err != nil {
		return err
	}
	b.dryRun = w.DryRun
	return w.Pool.InSession(ctx, func(s *conn.Session) error {
		defer w.watchLocks(ctx, s, b)()
		if w.Ledger != nil {
			if err := w.leaveOutDone(ctx, s, b); err != nil {
				return err
			}
		}
		write := commit
		if b.isolating {
			write = isolateBatch
		}
		if err := write(ctx, s, b, w.Ledger); err != nil {
			return err
		}
		if err := s.AwaitStandbys(ctx); err != nil {
			return err
		}
		if w.Ledger != nil {
			w.Ledger.Tidy(ctx, s)
		}
		return nil
	})
}

// leaveOutDone reads which rows the ledger has, when they are likely to be
// there, and in any case before a row is rejected: a row that is stored must not
// be rejected for being there, nor a rejection that is stored be reported again.
func (w *Writer) leaveOutDone(ctx context.Context, s *conn.Session, b *Batch) (err error) {
	if !b.readLedger && (len(b.Rejected) == 0 || b.rejectsTable != nil) && !w.replays.take() {
		return nil
	}
	if b.done, err = w.Ledger.Read(ctx, s, b.Offsets, b.scopes(w.Ledger)); err != nil {
		return err
	}
	for message := range b.done {
		w.replays.expect()
		delete(b.Rejected, message)
	}
	return nil
}

// spreadRejections rejects messages that repeat the offset of a rejected one.
func (b *Batch) spreadRejections() {
	for message, first := range b.Repeats {
		if r, ok := b.Rejected[first]; ok {
			b.Rejected[message] = r
		} else {
			b.Result.Skipped++
		}
	}
}

// ReadTable reads the table, if it is always the same, so that what is wrong is
// reported before the first row comes.
func (w *Writer) ReadTable(ctx context.Context) error {
	if w.Table == "" {
		return nil
	}
	_, err := w.tables.Load(ctx, w.Table)
	return err
}

// replayHint counts the batches that are still to be compared with the ledger
// before anything is sent, since their rows are likely to come again. It costs a
// round trip each, and saves a COPY that fails in the end.
type replayHint struct{ left atomic.Int32 }

// afterReplay is how many batches are compared after connecting, and after a row
// that came again.
const afterReplay = 16

// expect notes that rows are likely to come again.
func (h *replayHint) expect() { h.left.Store(afterReplay) }

// take reports whether the next batch is to be compared.
func (h *replayHint) take() bool {
	for {
		left := h.left.Load()
		if left == 0 || h.left.CompareAndSwap(left, left-1) {
			return left > 0
		}
	}
}

// backoff is the time between attempts: it doubles, from 50 ms to 5 s, and is
// spread so that batches that hindered each other do not meet again.
type backoff struct{ last time.Duration }

func (b *backoff) wait(ctx context.Context) error {
	b.last = min(max(2*b.last, 50*time.Millisecond), 5*time.Second)
	return conn.Sleep(ctx, b.last/2+rand.N(b.last/2))
}
