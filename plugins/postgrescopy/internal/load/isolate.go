package load

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// A batch with bad rows is written like this. For the first few, if the server
// names the line of its COPY, the row is left out and the batch is sent again.
// Beyond them, or where no line is named (foreign keys, deferred constraints), rows
// are inserted in runs, each in a subtransaction, that grow while they succeed and
// shrink where they fail, down to one row. A row that fails alone is looked at:
//
//   - One that may be stored together with others (it refers to a row behind it, or
//     violates a constraint that may wait until COMMIT) is tried together with them.
//   - If its error does not say whose fault it is, it is tried once more, from here,
//     where the whole error can be seen.
//   - If that does not tell either, it is the row's fault if other rows of the batch
//     can be stored at the same time.
//
// Two drivers insert rows: the server's, a DO block over a staging table, which is
// one round trip, and from here, which works everywhere. With the first, the whole
// costs at most maxNamed+1 failed COPYs, one more, and fewer than three attempts per
// row on the server, whatever the number of bad rows and wherever they are (7/3 at
// worst, were each of them noticed only at the end of its run; this takes runs to
// begin with one row). Nothing is committed before all is known.

// maxNamed is how many rows of a batch are rejected because the server named
// their line.
const maxNamed = 3

// rejectNamed rejects the row whose line the server named, if it did.
func (b *Batch) rejectNamed(e *groupError) bool {
	pgErr, ok := pgerr.As(e.err)
	if !ok || b.named >= maxNamed {
		return false
	}
	line, column := e.lineOf(pgErr.Where)
	rowErr := pgerr.RowErrorOf(pgErr, column)
	if line < 1 || e.of.table.DependsOnOthers(rowErr) || rowErr.Code == "22003" {
		return false
	}
	b.named++
	b.rejectByServer(e.Rows.Message(e.Order[line-1]), rowErr.Rejection(e.Set.Columns))
	return true
}

// lineOf returns which of the group's rows the context of an error names, counted
// from 1, and the column if it is one; 0 if it names none.
func (g group) lineOf(where string) (line int, column string) {
	if g.staged {
		line, column = pgerr.LineOf(where, strings.TrimPrefix(g.Set.StageName, "pg_temp."))
		column = g.Set.Unalias(column)
	} else {
		line, column = pgerr.LineOf(where, g.of.table.Relation)
	}
	if line > len(g.Order) {
		return 0, ""
	}
	return line, column
}

// isolation is the search for the bad rows of a batch, in one transaction.
type isolation struct {
	s        *conn.Session
	b        *Batch
	groups   []*isolated
	inserted int
	// confirmed are the classes of errors that were looked at, by code and message.
	confirmed map[[2]string]pgerr.Class
}

// isolated is a group whose bad rows are searched.
type isolated struct {
	group
	bad    map[int]pgerr.RowError // by place in Order
	byHere bool                   // the server has no table of its rows
	maxRun int
}

// maxRun is how many rows are tried at once.
const maxRun = 1024

// isolateBatch is isolate, from here where the server cannot.
func isolateBatch(ctx context.Context, s *conn.Session, b *Batch, l *ledger.Ledger) error {
	err := isolate(ctx, s, b, l)
	var byServer *byServerError
	if !errors.As(err, &byServer) {
		return err
	}
	b.byHere = true
	if err := s.Rollback(ctx); err != nil {
		return err
	}
	return isolate(ctx, s, b, l)
}

// isolate commits the rows that can be stored and rejects the others.
func isolate(ctx context.Context, s *conn.Session, b *Batch, l *ledger.Ledger) error {
	b.resetServerRejections()
	b.Result = Result{Skipped: len(b.done)}
	if err := s.Exec(ctx, "BEGIN; "+s.Settings+b.takeTurns()+"SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	i := &isolation{s: s, b: b, confirmed: map[[2]string]pgerr.Class{}}
	groups, _ := b.groups(true)
	for _, g := range groups {
		i.groups = append(i.groups, &isolated{g, map[int]pgerr.RowError{}, b.byHere || !g.of.table.CanStage || !g.of.table.HasPLpgSQL, maxRun})
	}
	for _, step := range []func(context.Context) error{i.narrow, i.tryTogether, i.confirm, i.decide} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	mark := b.mark(l)
	if mark == "" {
		mark = conn.Durable
	}
	return finish(ctx, s, b, mark)
}

// narrow inserts the rows that can be inserted one run after another.
func (i *isolation) narrow(ctx context.Context) error {
	for _, g := range i.groups {
		run := i.narrowHere
		if !g.byHere {
			run = i.narrowByServer
		}
		if err := run(ctx, g); err != nil {
			g.staged = true
			return &groupError{g.group, err}
		}
		i.b.Result.Bytes += g.Size()
	}
	return nil
}

// narrowHere tries runs of rows from here.
func (i *isolation) narrowHere(ctx context.Context, g *isolated) error {
	for at, size := 0, 1; at < len(g.Order); {
		size = min(size, len(g.Order)-at, g.maxRun)
		rowErr, err := i.try(ctx, g, g.Order[at:at+size])
		switch {
		case err != nil && pgerr.Is(err, "57014") && size > 1 && ctx.Err() == nil:
			g.maxRun, size = max(size/4, 1), max(size/4, 1) // more than statement_timeout allows
		case err != nil:
			return err
		case rowErr == nil:
			at += size
			size *= 2
		case size > 1:
			size = max(size/4, 1)
		default:
			g.bad[at] = *rowErr
			at++
		}
	}
	return nil
}

// try inserts rows of a group in a subtransaction. A failure that may be a row's is
// the first result.
func (i *isolation) try(ctx context.Context, g *isolated, order []int) (*pgerr.RowError, error) {
	if err := i.s.Exec(ctx, "SAVEPOINT isolate"); err != nil {
		return nil, err
	}
	some := group{g.Group, g.of, g.of.table.Mode != table.Append || g.Set.StagedOnly}
	some.Order = order
	insert := insertValues
	if len(order) == 1 && !some.byValues() {
		insert = insertByCopy // of which the server names the column
	}
	inserted, err := insert(ctx, i.s, some, order)
	if err == nil {
		i.inserted += inserted
		return nil, i.s.Exec(ctx, "RELEASE isolate")
	}
	pgErr, ok := pgerr.As(err)
	if !ok || i.s.Conn.IsClosed() || ctx.Err() != nil {
		return nil, err
	}
	if err2 := i.s.Exec(ctx, "ROLLBACK TO isolate; RELEASE isolate"); err2 != nil {
		return nil, errors.Join(err, err2)
	}
	class := pgerr.Classify(ctx, err)
	if class.Retry() {
		if !i.b.suspects || !pgerr.Raised(err) {
			return nil, err
		}
		class = pgerr.Unclear
	}
	_, column := some.lineOf(pgErr.Where)
	rowErr := pgerr.RowErrorOf(pgErr, column)
	i.confirmed[[2]string{rowErr.Code, rowErr.Message}] = class
	return &rowErr, nil
}

// insertByCopy inserts rows of a group as is done when none of them is bad.
func insertByCopy(ctx context.Context, s *conn.Session, g group, _ []int) (int, error) {
	tag, err := copyRows(ctx, s, g.stream(), g.statements("DELETE FROM "))
	if !g.staged { // the guard's tag
		return len(g.Order), err
	}
	return int(tag.RowsAffected()), err
}

// insertValues inserts rows of a group by INSERT … VALUES, which needs no staging
// table, and returns how many the table has taken.
func insertValues(ctx context.Context, s *conn.Session, g group, order []int) (int, error) {
	const maxParams = 1<<16 - 1
	most := 1
	if g.Set.Fields > 0 {
		most = min(maxRun, maxParams/g.Set.Fields)
	}
	inserted := 0
	for chunk := range slices.Chunk(order, most) {
		params := g.Params(chunk)
		formats, oids := make([]int16, len(params)), make([]uint32, len(params))
		for n := range params {
			formats[n], oids[n] = 1, g.Set.TypeOIDs[n%g.Set.Fields]
		}
		result := s.Conn.ExecParams(ctx, g.Set.InsertValues(len(chunk)), params, oids, formats, nil).Read()
		if result.Err != nil {
			return 0, result.Err
		}
		inserted += int(result.CommandTag.RowsAffected())
	}
	return inserted, nil
}

// confirm looks at the whole error of rows whose code and texts do not tell whose
// fault it is, once for each code and message. Rows for which a function raises an
// error that should pass by itself are all tried once more.
func (i *isolation) confirm(ctx context.Context) error {
	for _, g := range i.groups {
		for at, e := range g.bad {
			if !e.Ambiguous() {
				continue
			}
			if _, known := i.confirmed[[2]string{e.Code, e.Message}]; known && !pgerr.ClassOf(e.Code).Retry() {
				continue
			}
			again, err := i.try(ctx, g, g.Order[at:at+1])
			if err != nil {
				return &groupError{g.group, err}
			}
			if again == nil {
				delete(g.bad, at)
			} else {
				g.bad[at] = *again
			}
		}
	}
	return nil
}

// decide rejects the bad rows, unless their error is for an operator, or is unclear
// and no row could be stored.
func (i *isolation) decide(ctx context.Context) error {
	sent, bad := 0, 0
	for _, g := range i.groups {
		sent += len(g.Order)
		bad += len(g.bad)
	}
	for _, g := range i.groups {
		if len(g.bad) == len(g.Order) {
			if err := i.tryWithoutRows(ctx, g); err != nil {
				return err
			}
		}
		for at, e := range g.bad {
			class := pgerr.BadRow
			if e.Ambiguous() {
				class = i.confirmed[[2]string{e.Code, e.Message}]
			}
			if e.Code == "22003" {
				if err := i.tryDefaults(ctx, g); err != nil {
					return err
				}
			}
			message := g.Rows.Message(g.Order[at])
			switch {
			case class == pgerr.Operator:
				return &rowOperatorError{message, e}
			case class == pgerr.Unclear && bad == sent:
				return &pgerr.UnclearError{Code: e.Code, Message: e.Message}
			}
			i.b.rejectByServer(message, e.Rejection(g.Set.Columns))
		}
	}
	i.b.Result.Written = i.inserted
	i.b.Result.Duplicates = sent - i.inserted - bad
	return nil
}

// tryDefaults fails if a row could not be stored for the sake of a sequence that its
// columns take their default from.
func (i *isolation) tryDefaults(ctx context.Context, g *isolated) error {
	statement := g.of.table.DefaultsStatement(g.Set)
	if statement == "" {
		return nil
	}
	return i.tryStatement(ctx, statement, "taking the defaults of %s from their sequences: %s", g)
}

// tryWithoutRows fails if the rows of a group cannot be stored for a reason that is
// none of theirs: a trigger refuses every statement, say.
func (i *isolation) tryWithoutRows(ctx context.Context, g *isolated) error {
	return i.tryStatement(ctx, g.Set.InsertNone(), "an INSERT into %s fails even without a row: %s", g)
}

// tryStatement fails, with a text about the group's table and the error, if the
// statement does.
func (i *isolation) tryStatement(ctx context.Context, statement, format string, g *isolated) error {
	err := i.s.Exec(ctx, "SAVEPOINT attempt; "+statement+"; ROLLBACK TO attempt; RELEASE attempt")
	if _, ok := pgerr.As(err); !ok || pgerr.Classify(ctx, err).Retry() {
		return err
	}
	return pgerr.Operatorf(format, g.of.table.Quoted, pgerr.Describe(err))
}
