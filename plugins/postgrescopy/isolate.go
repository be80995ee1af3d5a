package postgrescopy

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A batch with rows at fault is written like this. For the first few, if the
// server names the line of its COPY, the row is left out and the batch is sent
// again. Beyond them, or where no line is named (foreign keys, deferred
// constraints), the rows are staged and judged by the server itself: inserted in
// runs, each in a subtransaction, that grow while they succeed and shrink where
// they fail, down to one row. The rows that fail alone are at fault. So the whole
// costs at most maxNamed+1 failed COPYs, one more, and less than three attempts a
// row in the server, whatever the number of bad rows and wherever they are (7/3
// at worst, were each of them noticed only at the end of its run; this takes runs
// to begin with one row); and nothing is committed before all are judged. (Where
// rows of a batch may refer to one another, those that lack what they refer to are
// tried again, parents first, as long as that helps.)

// maxNamed is how many rows of a batch are rejected because the server named
// their line.
const maxNamed = 3

// lineOf gives the number of the row, counted from 1, at which a COPY into the
// relation failed, or 0 if the server does not say, and the column if it is one.
// The context reads `COPY events, line 3, column price`, the words for line and
// column being translated.
func lineOf(where, relation string) (number int, column string) {
	for line := range strings.Lines(where) {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "COPY "+relation+", ")
		if !ok {
			continue
		}
		_, rest, ok = strings.Cut(rest, " ")
		if !ok {
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(rest)
		}
		if n, err := strconv.Atoi(rest[:end]); err == nil {
			if after, ok := strings.CutPrefix(rest[end:], ", "); ok {
				_, column, _ = strings.Cut(after, " ")
			}
			return n, column
		}
	}
	return 0, ""
}

// rejectNamed rejects the row whose line the server named, if it did.
func (j *job) rejectNamed(e *unitError) bool {
	pgErr, ok := asPgError(e.err)
	if !ok || j.named >= maxNamed {
		return false
	}
	relation := e.part.target.relation
	if e.staged {
		relation = strings.TrimPrefix(e.shape.stageName, "pg_temp.")
	}
	line, column := lineOf(pgErr.Where, relation)
	if line < 1 || line > len(e.order) {
		return false
	}
	if e.staged {
		column = e.shape.unalias(column)
	}
	j.named++
	j.rejectByServer(e.batch.rows[e.order[line-1]].message, faultOf(pgErr, column).rejection(e.shape))
	return true
}

// Rows are numbered through all units of a job, so that units of one shape can
// share a staging table.
type judged struct {
	planned
	first int  // the number of its first row
	here  bool // judged from this side, so that the server has no table of its rows
}

// faultsTable takes what the server finds: for each row at fault its number and
// the error. The message under the number -1 is how many rows were inserted.
const faultsTable = "pg_temp.postgres_copy_faults"

const makeFaultsTable = `CREATE TEMPORARY TABLE IF NOT EXISTS postgres_copy_faults (o int4, code text, message text, detail text) ON COMMIT DELETE ROWS`

const readFaults = "; SELECT o, code, message, detail FROM " + faultsTable + "; DELETE FROM " + faultsTable

// judgement is what came out for the rows of a job.
type judgement struct {
	faults   map[int]fault // by number
	sent     int
	inserted int
}

// unclearError is a failure of every row, from which follows nothing about the
// rows.
type unclearError struct{ code, message string }

func (e *unclearError) Error() string {
	return fmt.Sprintf("%s (SQLSTATE %s)", shortened(e.message), e.code)
}

// judge commits the rows that can be stored and rejects the rest.
func (s *session) judge(ctx context.Context, j *job, l *ledger) error {
	j.acquit()
	plans, _ := j.plan(true)
	j.result = result{skipped: len(j.done)}
	begin := "BEGIN; " + s.settings + j.takeTurns() + "SET CONSTRAINTS ALL IMMEDIATE"
	if slices.ContainsFunc(plans, planned.judgedByServer) {
		begin += "; " + makeFaultsTable
	}
	if err := s.exec(ctx, begin); err != nil {
		return err
	}
	out := &judgement{faults: map[int]fault{}}
	units := make([]judged, len(plans))
	for i, p := range plans {
		units[i] = judged{p, out.sent, !p.judgedByServer()}
		if err := s.judgeUnit(ctx, &units[i], out); err != nil {
			return &unitError{planned{p.unit, p.part, true}, err}
		}
		j.result.bytes += p.size()
	}
	if err := s.judgeAgain(ctx, units, out); err != nil {
		return err
	}
	if err := out.reject(j, units); err != nil {
		return err
	}
	mark := ""
	if l != nil {
		if mark = l.markStatement(j.toMark()); mark != "" {
			mark += "; "
		}
	}
	return s.exec(ctx, mark+"COMMIT")
}

// judgedByServer says whether the server can do it, which takes a temporary
// table and PL/pgSQL.
func (u planned) judgedByServer() bool { return u.part.target.canStage && u.part.target.hasPLpgSQL }

func (s *session) judgeUnit(ctx context.Context, u *judged, out *judgement) error {
	if u.here {
		out.sent += len(u.order)
		return s.judgeHere(ctx, *u, out)
	}
	_, err := s.copyRows(ctx, u.numberedStream(u.first), "SAVEPOINT judged; "+u.shape.makeJudge+"; "+u.shape.copyJudge+"; RELEASE judged")
	if err != nil {
		if passes(classify(ctx, err)) {
			return err
		}
		// The bytes of a row were refused before it came to inserting it.
		out.sent += len(u.order)
		if err := s.exec(ctx, "ROLLBACK TO judged; RELEASE judged"); err != nil {
			return err
		}
		u.here = true
		return s.judgeHere(ctx, *u, out)
	}
	rows, err := queryText(ctx, s.conn, u.judgeStatement()+readFaults)
	if err != nil {
		return err
	}
	out.sent += len(u.order)
	return out.add(rows)
}

// add takes over what was read from the faults table.
func (out *judgement) add(rows [][]string) error {
	for _, r := range rows {
		n, err := strconv.Atoi(r[0])
		if err != nil {
			return fmt.Errorf("reading which rows failed: %w", err)
		}
		if n >= 0 {
			out.faults[n] = fault{code: r[1], message: r[2], detail: r[3]}
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

// reject rejects the rows at fault, unless no row could be stored, for reasons
// that need not be theirs.
func (out *judgement) reject(j *job, units []judged) error {
	for _, f := range out.faults {
		v := verdictOf(f.code)
		if out.sent == len(out.faults) && (v == verdictUnclear || v == verdictConfiguration) {
			return &unclearError{f.code, f.message}
		}
	}
	for _, u := range units {
		for i, row := range u.order {
			if f, ok := out.faults[u.first+i]; ok {
				j.rejectByServer(u.batch.rows[row].message, f.rejection(u.shape))
			}
		}
	}
	j.result.written = out.inserted
	j.result.duplicates = out.sent - out.inserted - len(out.faults)
	return nil
}

// variables has a column win over a variable of its name: ON CONFLICT (n) is to
// mean the table's n.
const variables = "#variable_conflict use_column"

// judgeStatement inserts the staged rows in runs, and notes those that cannot
// be inserted. What may pass by itself is raised again, and ends the
// transaction.
func (u judged) judgeStatement() string {
	return "DO " + quoteLiteral(variables+`
DECLARE
	i int := `+strconv.Itoa(u.first)+`;
	size int := 1;
	n int;
	inserted int := 0;
	detail text;
BEGIN
	WHILE i < `+strconv.Itoa(u.first+len(u.order))+` LOOP
		BEGIN
			`+u.shape.insertWhere("o >= i AND o < i + size")+`;
			GET DIAGNOSTICS n = ROW_COUNT;
			inserted := inserted + n;
			i := i + size;
			size := least(size * 2, 1024);
		EXCEPTION WHEN OTHERS THEN
			IF `+passesByItself+` THEN RAISE; END IF;
			IF size > 1 THEN
				size := greatest(size / 4, 1);
			ELSE
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				INSERT INTO `+faultsTable+` VALUES (i, SQLSTATE, SQLERRM, detail);
				i := i + 1;
			END IF;
		END;
	END LOOP;
	INSERT INTO `+faultsTable+` VALUES (-1, '', inserted);
END`)
}

// passesByItself is an SQL condition on SQLSTATE for the verdicts after which
// the whole transaction is tried again.
var passesByItself = sqlCondition(func(v verdict) bool { return v == verdictTemporary || v == verdictLost })

// sqlCondition is an SQL condition on SQLSTATE that holds for the listed codes
// with such a verdict.
func sqlCondition(want func(verdict) bool) string {
	var codes, classes, except []string
	for code, v := range verdicts {
		switch {
		case len(code) == 2 && want(v):
			classes = append(classes, quoteLiteral(code))
		case len(code) == 5 && want(v):
			codes = append(codes, quoteLiteral(code))
		case len(code) == 5:
			except = append(except, quoteLiteral(code))
		}
	}
	for _, list := range [][]string{codes, classes, except} {
		slices.Sort(list)
	}
	return "(SQLSTATE IN (" + strings.Join(codes, ", ") + ") OR left(SQLSTATE, 2) IN (" + strings.Join(classes, ", ") +
		") AND SQLSTATE NOT IN (" + strings.Join(except, ", ") + "))"
}
