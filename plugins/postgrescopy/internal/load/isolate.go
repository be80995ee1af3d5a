package load

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/ledger"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// A batch with bad rows is written like this. For the first few, if the server
// names the line of its COPY, the row is left out and the batch is sent again.
// Beyond them, or where no line is named (foreign keys, deferred constraints), the
// rows are staged and isolated by the server itself: inserted in runs, each in a
// subtransaction, that grow while they succeed and shrink where they fail, down to
// one row. The rows that fail alone are bad. So the whole costs at most maxNamed+1
// failed COPYs, one more, and fewer than three attempts per row on the server,
// whatever the number of bad rows and wherever they are (7/3 at worst, were each
// of them noticed only at the end of its run; this takes runs to begin with one
// row); and nothing is committed before all are isolated. (Where rows of a batch
// may refer to one another, those that lack what they refer to are tried again, as
// long as that helps.)

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
	if line < 1 || line > len(e.Order) {
		return false
	}
	b.named++
	b.rejectByServer(e.Rows.Message(e.Order[line-1]), pgerr.RowErrorOf(pgErr, column).Rejection(e.Set.Columns))
	return true
}

// lineOf returns which of the group's rows the context of an error names, counted
// from 1, and the column if it is one.
func (g group) lineOf(where string) (line int, column string) {
	if !g.staged {
		return pgerr.LineOf(where, g.of.table.Relation)
	}
	line, column = pgerr.LineOf(where, strings.TrimPrefix(g.Set.StageName, "pg_temp."))
	return line, g.Set.Unalias(column)
}

// isolated is a group whose bad rows are to be found. Rows are numbered through all
// groups of a batch, so that groups of one column set can share a staging table.
type isolated struct {
	group
	first    int  // the number of its first row
	byClient bool // the server has no table of its rows
}

// errorsTable takes what the server finds: for each bad row its number and the
// error. The message under the number -1 is how many rows were inserted.
const errorsTable = "pg_temp.postgres_copy_errors"

const makeErrorsTable = `CREATE TEMPORARY TABLE IF NOT EXISTS postgres_copy_errors (o int4, code text, message text, detail text) ON COMMIT DELETE ROWS`

const readErrors = "; SELECT o, code, message, detail FROM " + errorsTable + "; DELETE FROM " + errorsTable

// isolation is what was found out about the rows of a batch.
type isolation struct {
	bad      map[int]pgerr.RowError // by number
	sent     int
	inserted int
}

// isolate commits the rows that can be stored and rejects the others.
func isolate(ctx context.Context, s *conn.Session, b *Batch, l *ledger.Ledger) error {
	b.resetServerRejections()
	groups, _ := b.groups(true)
	b.Result = Result{Skipped: len(b.done)}
	begin := "BEGIN; " + s.Settings + b.takeTurns() + "SET CONSTRAINTS ALL IMMEDIATE"
	if slices.ContainsFunc(groups, group.isolatedByServer) {
		begin += "; " + makeErrorsTable
	}
	if err := s.Exec(ctx, begin); err != nil {
		return err
	}
	out := &isolation{bad: map[int]pgerr.RowError{}}
	all := make([]isolated, len(groups))
	for i, g := range groups {
		all[i] = isolated{g, out.sent, !g.isolatedByServer()}
		if err := all[i].isolate(ctx, s, out); err != nil {
			g.staged = true
			return &groupError{g, err}
		}
		b.Result.Bytes += g.Size()
	}
	if err := out.retryReferences(ctx, s, all); err != nil {
		return err
	}
	if err := out.reject(b, all); err != nil {
		return err
	}
	mark := b.mark(l)
	if mark == "" {
		mark = conn.Durable
	}
	return s.Exec(ctx, mark+"; COMMIT")
}

// isolatedByServer reports whether the server can do it, which takes a temporary
// table and PL/pgSQL.
func (g group) isolatedByServer() bool { return g.of.table.CanStage && g.of.table.HasPLpgSQL }

func (g *isolated) isolate(ctx context.Context, s *conn.Session, out *isolation) error {
	if g.byClient {
		out.sent += len(g.Order)
		return g.isolateByClient(ctx, s, out)
	}
	_, err := copyRows(ctx, s, g.NumberedStream(g.first), "SAVEPOINT isolate; "+g.Set.MakeIndexed+"; "+g.Set.CopyIndexed+"; RELEASE isolate")
	if err != nil {
		if pgerr.Classify(ctx, err).Retry() {
			return err
		}
		// The bytes of a row were refused before it came to inserting it.
		out.sent += len(g.Order)
		if err := s.Exec(ctx, "ROLLBACK TO isolate; RELEASE isolate"); err != nil {
			return err
		}
		g.byClient = true
		return g.isolateByClient(ctx, s, out)
	}
	rows, err := s.QueryText(ctx, g.isolateStatement()+readErrors)
	if err != nil {
		return err
	}
	out.sent += len(g.Order)
	return out.add(rows)
}

// add takes over what was read from the errors table.
func (out *isolation) add(rows [][]string) error {
	for _, r := range rows {
		n, err := strconv.Atoi(r[0])
		if err != nil {
			return fmt.Errorf("reading which rows failed: %w", err)
		}
		if n >= 0 {
			out.bad[n] = pgerr.RowError{Code: r[1], Message: r[2], Detail: r[3]}
			continue
		}
		count, err := strconv.Atoi(r[2])
		if err != nil {
			return fmt.Errorf("reading how many rows were inserted: %w", err)
		}
		out.inserted += count
	}
	return nil
}

// reject rejects the bad rows, unless no row could be stored, for reasons that need
// not be theirs.
func (out *isolation) reject(b *Batch, all []isolated) error {
	for _, e := range out.bad {
		class := pgerr.ClassOf(e.Code)
		if out.sent == len(out.bad) && (class == pgerr.Unclear || class == pgerr.Operator) {
			return &pgerr.UnclearError{Code: e.Code, Message: e.Message}
		}
	}
	for _, g := range all {
		for i, row := range g.Order {
			if e, ok := out.bad[g.first+i]; ok {
				b.rejectByServer(g.Rows.Message(row), e.Rejection(g.Set.Columns))
			}
		}
	}
	b.Result.Written = out.inserted
	b.Result.Duplicates = out.sent - out.inserted - len(out.bad)
	return nil
}

// variables has a column win over a variable of its name: ON CONFLICT (n) is to
// mean the table's n.
const variables = "#variable_conflict use_column"

// isolateStatement inserts the staged rows in runs, and notes those that cannot be
// inserted. What may pass by itself is raised again, and ends the transaction.
func (g isolated) isolateStatement() string {
	return "DO " + sqltext.Literal(variables+`
DECLARE
	i int := `+strconv.Itoa(g.first)+`;
	size int := 1;
	n int;
	inserted int := 0;
	detail text;
BEGIN
	WHILE i < `+strconv.Itoa(g.first+len(g.Order))+` LOOP
		BEGIN
			`+g.Set.InsertWhere("o >= i AND o < i + size")+`;
			GET DIAGNOSTICS n = ROW_COUNT;
			inserted := inserted + n;
			i := i + size;
			size := least(size * 2, 1024);
		EXCEPTION WHEN OTHERS THEN
			IF `+pgerr.RetryCondition+` THEN RAISE; END IF;
			IF size > 1 THEN
				size := greatest(size / 4, 1);
			ELSE
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				INSERT INTO `+errorsTable+` VALUES (i, SQLSTATE, SQLERRM, detail);
				i := i + 1;
			END IF;
		END;
	END LOOP;
	INSERT INTO `+errorsTable+` VALUES (-1, '', inserted);
END`)
}
