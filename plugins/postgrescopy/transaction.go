package postgrescopy

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// turnLock is the first half of the advisory lock of batches that take turns;
// the table is the second.
const turnLock = 0x70_67_63_79 // "pgcy"

// unitError is a failure of the statements that write one unit.
type unitError struct {
	planned
	err error
}

func (e *unitError) Error() string { return e.err.Error() }
func (e *unitError) Unwrap() error { return e.err }

// commit writes everything that is left of a job in one transaction. When there
// is but one unit, which is the rule, that is one string of statements, one
// answer, and a transaction without BEGIN.
func (s *session) commit(ctx context.Context, j *job, l *ledger) error {
	units, leftOut := j.plan(false)
	j.result = result{duplicates: leftOut, skipped: len(j.done)}
	units, err := s.chooseWays(ctx, j, units)
	if err != nil {
		return err
	}
	var mark string
	if l != nil {
		mark = l.markStatement(j.toMark())
	}
	switch {
	case len(units) == 0 && mark == "":
		return nil
	case len(units) == 0:
		return s.exec(ctx, s.settings+mark)
	case len(units) == 1 && (mark == "" || !units[0].staged):
		err = s.commitOne(ctx, j, units[0], mark)
	default:
		err = s.commitAll(ctx, j, units, mark)
	}
	if err != nil {
		return err
	}
	for _, p := range j.parts {
		if p.way == wayDirect {
			p.target.optimism.clean()
		}
	}
	return nil
}

// afterDeadlock is how many batches of a table take turns after a deadlock.
// Batches of one set of fields do not need it, since they lock in the order of
// their keys; those of several may meet again and again.
const afterDeadlock = 64

// takeTurns gives the statements by which a transaction waits for others that
// take turns at the same table.
func (j *job) takeTurns() string {
	var tables []uint32
	for _, p := range j.parts {
		if p.target != nil && p.target.careful.Load() > 0 {
			p.target.careful.Add(-1)
			tables = append(tables, p.target.oid)
		}
	}
	slices.Sort(tables)
	statements := ""
	for _, oid := range tables {
		statements += fmt.Sprintf("SELECT pg_catalog.pg_advisory_xact_lock(%d, %d); ", int32(turnLock), int32(oid))
	}
	return statements
}

// noteDeadlock has the tables of the job take turns for a while.
func (j *job) noteDeadlock(err error) {
	if pgErr, ok := asPgError(err); !ok || pgErr.Code != "40P01" {
		return
	}
	for _, p := range j.parts {
		if p.target != nil {
			p.target.careful.Store(afterDeadlock)
		}
	}
}

// chooseWays decides for the units of an ignore or upsert whether they are
// staged, and takes apart those that are to be sifted.
func (s *session) chooseWays(ctx context.Context, j *job, units []planned) ([]planned, error) {
	chosen := make([]planned, 0, len(units))
	for _, u := range units {
		t := u.part.target
		if t.mode != modeAppend && u.part.way == wayOpen {
			u.part.way = t.optimism.next()
		}
		switch {
		case t.mode == modeAppend || u.part.way == wayDirect || len(u.shape.keyFields) == 0:
			chosen = append(chosen, u)
		case u.part.way == wayStaged || u.staged || !t.siftable(u.shape):
			u.staged = true
			chosen = append(chosen, u)
		default:
			fresh, there, err := s.sift(ctx, u.unit)
			if err != nil && !passes(classify(ctx, err)) {
				u.part.way, u.staged = wayStaged, true // whatever it is, it is not needed there
				chosen = append(chosen, u)
				continue
			}
			if err != nil {
				return nil, err
			}
			if there == 0 {
				t.optimism.clean()
			}
			j.result.duplicates += there
			if u.order = fresh; len(fresh) > 0 {
				chosen = append(chosen, u)
			}
		}
	}
	return chosen, nil
}

func (s *session) commitOne(ctx context.Context, j *job, u planned, mark string) error {
	statements := s.settings + j.takeTurns() + u.statements("")
	if mark != "" {
		statements += "; " + mark
	}
	return s.send(ctx, j, u, statements)
}

func (s *session) commitAll(ctx context.Context, j *job, units []planned, mark string) error {
	used := map[string]bool{}
	for i, u := range units {
		clear := ""
		if used[u.shape.stageName] {
			clear = "TRUNCATE " // which leaves no dead rows behind for the next unit to pass over
		}
		statements := u.statements(clear)
		if i == 0 {
			statements = "BEGIN; " + s.settings + j.takeTurns() + statements
		}
		used[u.shape.stageName] = true
		if err := s.send(ctx, j, u, statements); err != nil {
			return err
		}
	}
	if mark != "" {
		mark += "; "
	}
	return s.exec(ctx, mark+"COMMIT")
}

// statements are those that write the unit, with one COPY FROM STDIN in them.
// clear is how to empty its staging table, if it has rows of the same transaction.
func (u planned) statements(clear string) string {
	if !u.staged {
		return u.shape.copyDirect + "; " + u.shape.guard
	}
	parts := []string{u.shape.makeStage}
	if clear != "" {
		parts = append(parts, clear+u.shape.stageName)
	}
	if u.shape.numbered {
		parts = append(parts, u.shape.copyNumber)
	} else {
		parts = append(parts, u.shape.copyStage)
	}
	return strings.Join(append(parts, u.shape.insert), "; ")
}

func (s *session) send(ctx context.Context, j *job, u planned, statements string) error {
	rows := u.stream()
	if u.staged && u.shape.numbered {
		rows = u.numberedStream(0)
	}
	tag, err := s.copyRows(ctx, rows, statements)
	if err != nil {
		return &unitError{u, err}
	}
	written := len(u.order)
	if tag.Insert() || tag.String() == fmt.Sprintf("COPY %d", tag.RowsAffected()) {
		written = int(tag.RowsAffected())
	}
	j.result.written += written
	j.result.bytes += u.size()
	if u.part.target.mode == modeIgnore && u.staged {
		j.result.duplicates += len(u.order) - written
	}
	return nil
}

// size is how many bytes of rows the unit sends.
func (u unit) size() int {
	n := 0
	for _, i := range u.order {
		n += u.batch.rows[i].to - u.batch.rows[i].from
	}
	return n
}
