package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// groupError is a failure of the statements that write one group.
type groupError struct {
	group
	err error
}

func (e *groupError) Error() string { return e.err.Error() }
func (e *groupError) Unwrap() error { return e.err }

// commit writes everything that is left of a batch in one transaction. When there
// is but one group, which is the rule, that is one string of statements, one
// answer, and a transaction without BEGIN.
func commit(ctx context.Context, s *conn.Session, b *Batch, l *ledger.Ledger) error {
	groups, leftOut := b.groups(false)
	b.Result = Result{Duplicates: leftOut, Skipped: len(b.done)}
	groups, err := chooseStrategies(ctx, s, b, groups)
	if err != nil {
		return err
	}
	mark := b.mark(l)
	rejects := b.rejectsTable != nil && len(b.Rejected) > 0
	durable := mark == "" && (rejects || b.leavesOut(groups))
	if len(groups) == 0 && mark == "" && !durable {
		return nil
	}
	begin := s.Settings + b.takeTurns()
	if durable {
		begin += conn.Durable + "; "
	}
	switch {
	case rejects || b.dryRun:
		err = commitAll(ctx, s, b, groups, begin, mark)
	case len(groups) == 0:
		return s.Exec(ctx, begin+mark)
	case len(groups) == 1 && (mark == "" || !groups[0].staged) && !groups[0].byValues():
		err = commitOne(ctx, s, b, groups[0], begin, mark)
	default:
		err = commitAll(ctx, s, b, groups, begin, mark)
	}
	if err != nil {
		return err
	}
	for _, t := range b.Tables {
		if t.strategy == table.Direct {
			t.table.Strategy.Clean()
		}
	}
	return nil
}

// leavesOut reports whether rows may be acknowledged that this transaction does
// not write, since the table or the ledger has them already.
func (b *Batch) leavesOut(groups []group) bool {
	if len(b.done) > 0 || b.Result.Duplicates > 0 {
		return true
	}
	return slices.ContainsFunc(groups, func(g group) bool { return g.staged && (g.of.table.Mode == table.Ignore || g.of.table.Sequence >= 0) })
}

// chooseStrategies decides for the groups of an ignore or upsert whether they are
// staged, and leaves out the rows whose keys the table has where it is to be asked
// for them.
func chooseStrategies(ctx context.Context, s *conn.Session, b *Batch, groups []group) ([]group, error) {
	chosen := make([]group, 0, len(groups))
	for _, g := range groups {
		t := g.of.table
		if t.Mode != table.Append && g.of.strategy == table.Undecided {
			g.of.strategy = t.Strategy.Next()
		}
		switch {
		case t.Mode == table.Append || g.of.strategy == table.Direct || len(g.Set.KeyFields) == 0:
			chosen = append(chosen, g)
		case g.of.strategy == table.Staged || g.staged || !t.CanSkipExisting(g.Set):
			g.staged = true
			chosen = append(chosen, g)
		default:
			missing, there, err := skipExisting(ctx, s, g)
			if err != nil && !pgerr.Classify(ctx, err).Retry() {
				g.of.strategy, g.staged = table.Staged, true // whatever it is, it is not needed there
				chosen = append(chosen, g)
				continue
			}
			if err != nil {
				return nil, err
			}
			if there == 0 {
				t.Strategy.Clean()
			}
			b.Result.Duplicates += there
			if g.Order = missing; len(missing) > 0 {
				chosen = append(chosen, g)
			}
		}
	}
	return chosen, nil
}

func commitOne(ctx context.Context, s *conn.Session, b *Batch, g group, begin, mark string) error {
	statements := begin + g.statements("")
	if mark != "" {
		statements += "; " + mark
	}
	return send(ctx, s, b, g, statements)
}

func commitAll(ctx context.Context, s *conn.Session, b *Batch, groups []group, begin, mark string) error {
	used := map[string]bool{}
	begin = "BEGIN; " + begin
	if len(groups) == 0 || groups[0].byValues() {
		if err := s.Exec(ctx, begin); err != nil {
			return err
		}
		begin = ""
	}
	for _, g := range groups {
		if g.byValues() {
			inserted, err := insertValues(ctx, s, g, g.Order)
			if err != nil {
				return &groupError{g, err}
			}
			b.count(g, inserted)
			continue
		}
		empty := ""
		if used[g.Set.StageName] {
			empty = "TRUNCATE " // which leaves no dead rows behind for the next group to pass over
		}
		statements := begin + g.statements(empty)
		begin = ""
		used[g.Set.StageName] = true
		if err := send(ctx, s, b, g, statements); err != nil {
			return err
		}
	}
	return finish(ctx, s, b, mark)
}

// finish stores the rejected rows, marks the offsets, and commits.
func finish(ctx context.Context, s *conn.Session, b *Batch, mark string) error {
	if err := b.storeRejects(ctx, s); err != nil {
		return err
	}
	if mark != "" {
		mark += "; "
	}
	if b.dryRun { // what is checked at COMMIT is checked before
		return s.Exec(ctx, mark+"SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK")
	}
	return s.Exec(ctx, mark+"COMMIT")
}

// statements are those that write the group, with one COPY FROM STDIN in them.
// empty is how to empty its staging table, if it has rows of the same transaction.
func (g group) statements(empty string) string {
	if !g.staged {
		return g.Set.CopyDirect + "; " + g.Set.Guard
	}
	parts := []string{g.Set.MakeStage}
	if empty != "" {
		parts = append(parts, empty+g.Set.StageName)
	}
	if g.Set.Numbered {
		parts = append(parts, g.Set.CopyNumbered)
	} else {
		parts = append(parts, g.Set.CopyStage)
	}
	return strings.Join(append(parts, g.Set.Insert), "; ")
}

// stream returns the rows as the group's statements want them.
func (g group) stream() *copyrows.Stream {
	if g.staged && g.Set.Numbered {
		return g.NumberedStream(0)
	}
	return g.Stream()
}

func send(ctx context.Context, s *conn.Session, b *Batch, g group, statements string) error {
	tag, err := copyRows(ctx, s, g.stream(), statements)
	if err != nil {
		return &groupError{g, err}
	}
	written := len(g.Order)
	if tag.Insert() || tag.String() == fmt.Sprintf("COPY %d", tag.RowsAffected()) {
		written = int(tag.RowsAffected())
	}
	b.count(g, written)
	return nil
}

// count counts the rows of a group, of which the table has taken so many.
func (b *Batch) count(g group, written int) {
	b.Result.Written += written
	b.Result.Bytes += g.Size()
	if g.staged && (g.of.table.Mode == table.Ignore || g.of.table.Sequence >= 0) {
		b.Result.Duplicates += len(g.Order) - written
	}
}

// byValues reports whether the group would be staged, but cannot be.
func (g group) byValues() bool { return g.staged && !g.of.table.CanStage }

// copyRows runs statements, of which one is a COPY FROM STDIN that reads rows.
// The tag is that of the last statement.
func copyRows(ctx context.Context, s *conn.Session, rows *copyrows.Stream, statements string) (pgconn.CommandTag, error) {
	defer rows.Stop()
	return s.Conn.CopyFrom(ctx, rows, statements)
}

// turnLock is the first half of the advisory lock of batches that take turns;
// the table is the second.
const turnLock = 0x70_67_63_79 // "pgcy"

// afterDeadlock is how many batches of a table take turns after a deadlock.
// Batches of one set of fields do not need it, since they lock in the order of
// their keys; those of several may meet again and again.
const afterDeadlock = 64

// takeTurns returns the statements by which a transaction waits for others that
// take turns at the same table.
func (b *Batch) takeTurns() string {
	var tables []uint32
	for _, t := range b.Tables {
		if t.table != nil && t.table.TakeTurns.Load() > 0 {
			t.table.TakeTurns.Add(-1)
			tables = append(tables, t.table.OID)
		}
	}
	slices.Sort(tables)
	statements := ""
	for _, oid := range tables {
		statements += fmt.Sprintf("SELECT pg_catalog.pg_advisory_xact_lock(%d, %d); ", int32(turnLock), int32(oid))
	}
	return statements
}

// noteDeadlock has the batches of the tables take turns for a while.
func (b *Batch) noteDeadlock(err error) {
	if !pgerr.Is(err, "40P01") {
		return
	}
	for _, t := range b.Tables {
		if t.table != nil {
			t.table.TakeTurns.Store(afterDeadlock)
		}
	}
}
