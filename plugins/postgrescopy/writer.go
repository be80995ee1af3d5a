package postgrescopy

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// writer brings jobs into the database. Many goroutines may use it.
type writer struct {
	pool     *pgxpool.Pool
	settings string
	targets  *targets
	table    string  // empty: each message names its table
	ledger   *ledger // nil without exactly_once
	warn     func(format string, args ...any)
	retried  func() // counts a batch that is tried again

	// given says that a batch was given back, so that another writer is wanted.
	given atomic.Bool

	// replays is how many batches are still to be compared with the ledger
	// before anything is sent, since rows are likely to come again.
	replays atomic.Int32
}

// giveUp has another writer wanted, and counts it for the first of the batches
// that find so at the same time.
func (w *writer) giveUp(count *atomic.Int32) {
	if !w.given.Swap(true) {
		count.Add(1)
	}
}

// afterReplay is how many batches are compared with the ledger in advance after
// connecting, and after a row that came again. It costs a round trip each, and
// saves a COPY that fails in the end.
const afterReplay = 16

// errLost means that there is no connection to the database. It wraps why.
type errLost struct{ err error }

func (e *errLost) Error() string { return e.err.Error() }
func (e *errLost) Unwrap() error { return e.err }

// errMisconfigured means that a person has to do something. It wraps what.
type errMisconfigured struct{ err error }

func (e *errMisconfigured) Error() string { return e.err.Error() }
func (e *errMisconfigured) Unwrap() error { return e.err }

// maxUnclear is how often a batch is tried again as it is when it cannot be
// told whether a row is at fault.
const maxUnclear = 2

// write commits the rows of a job that can be stored, and rejects the others in
// j.rejected. It comes back when that is done, or with an error after which
// nothing of the job is committed (but see errLost), and none of its rows is to
// be taken for bad: the context's, an *errLost or an *errMisconfigured.
func (w *writer) write(ctx context.Context, j *job) error {
	var (
		pause   backoff
		unclear int
	)
	for {
		err := w.attempt(ctx, j)
		if err == nil {
			w.spreadRejections(j)
			return nil
		}
		v := classify(ctx, err)
		if v == verdictData || v == verdictUnclear || v == verdictConfiguration {
			settled, err2 := w.settle(ctx, j, err, v)
			if err2 != nil {
				err, v = err2, classify(ctx, err2)
			} else if settled {
				continue
			}
		}
		switch v {
		case verdictCancelled:
			return ctx.Err()
		case verdictLost:
			return &errLost{err}
		case verdictConfiguration:
			return &errMisconfigured{err}
		case verdictUnclear:
			if unclear++; unclear > maxUnclear && !j.judging {
				j.judging = true
			}
		}
		j.noteDeadlock(err)
		if isReadOnly(err) {
			// The primary may be another host by now: connect anew, so that
			// target_session_attrs is looked at again.
			w.pool.Reset()
		}
		w.retried()
		w.warn("Writing a batch failed and is tried again: %s", describe(err))
		if err := pause.wait(ctx); err != nil {
			return err
		}
	}
}

// settle does what a failed attempt calls for, and says whether the next can
// follow at once.
func (w *writer) settle(ctx context.Context, j *job, err error, v verdict) (bool, error) {
	j.readLedger = true
	if isOverlap(err) {
		return true, nil
	}
	var failed *unitError
	isUnit := errors.As(err, &failed)
	if isUnit && !failed.staged && failed.part.target.mode != modeAppend && failed.part.way != wayStaged && isUniqueViolation(err) {
		if failed.part.way == wayDirect {
			failed.part.target.optimism.conflict()
			failed.part.way = waySifted
		} else {
			failed.part.way = wayStaged
		}
		return true, nil
	}
	changed, err := w.reloadChanged(ctx, j, v != verdictData)
	if err != nil || changed {
		return changed, err
	}
	switch {
	case v != verdictData || j.judging:
		return false, nil
	case isUnit && j.rejectNamed(failed):
		return true, nil
	}
	j.judging = true
	return true, nil
}

func isReadOnly(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && pgErr.Code == "25006"
}

func isUniqueViolation(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && pgErr.Code == "23505"
}

// attempt encodes what is not encoded, and sends the job once.
func (w *writer) attempt(ctx context.Context, j *job) error {
	if err := w.encode(ctx, j); err != nil {
		return err
	}
	conn, err := w.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	s := &session{conn: conn.Conn().PgConn(), settings: w.settings}
	if w.ledger != nil {
		if err := w.leaveOutDone(ctx, s, j); err != nil {
			return err
		}
	}
	if j.judging {
		err = s.judge(ctx, j, w.ledger)
	} else {
		err = s.commit(ctx, j, w.ledger)
	}
	if err != nil {
		if errors.Is(s.rollback(ctx), nil) {
			return err
		}
		_ = conn.Conn().Close(ctx)
	}
	return err
}

// leaveOutDone reads which rows the ledger has, when they are likely to be
// there, and in any case before a row is rejected: a row that is stored must not
// be rejected for being there, nor a rejection that is stored be told again.
func (w *writer) leaveOutDone(ctx context.Context, s *session, j *job) (err error) {
	if !j.readLedger && len(j.rejected) == 0 && w.replays.Add(-1) < 0 {
		w.replays.Store(0)
		return nil
	}
	if j.done, err = w.ledger.read(ctx, s.conn, w.settings, j.marks); err != nil {
		return err
	}
	for message := range j.done {
		w.replays.Store(afterReplay)
		delete(j.rejected, message)
	}
	return nil
}

// spreadRejections gives messages that repeat the offset of a rejected one the
// same fate.
func (w *writer) spreadRejections(j *job) {
	for message, first := range j.repeats {
		if r, ok := j.rejected[first]; ok {
			j.rejected[message] = r
		} else {
			j.result.skipped++
		}
	}
}

// checkServer refuses a server that is too old.
func (w *writer) checkServer(ctx context.Context) error {
	return inTransaction(ctx, w.pool, w.settings, func(tx pgx.Tx) error {
		return checkVersion(ctx, tx, w.ledger != nil)
	})
}

// readTable reads the table, if it is always the same, so that what is wrong is
// told before the first row comes.
func (w *writer) readTable(ctx context.Context) error {
	if w.table == "" {
		return nil
	}
	_, err := w.targets.load(ctx, w.pool, w.table)
	return err
}

// backoff is the time between attempts: it doubles, from 50 ms to 5 s, and is
// spread so that batches that hindered each other do not meet again.
type backoff struct{ last time.Duration }

func (b *backoff) wait(ctx context.Context) error {
	b.last = min(max(2*b.last, 50*time.Millisecond), 5*time.Second)
	return sleep(ctx, b.last/2+rand.N(b.last/2))
}
