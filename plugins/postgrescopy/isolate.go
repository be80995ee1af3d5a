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
// row in the server, whatever the number of bad rows; and nothing is committed
// before all are judged.

// maxNamed is how many rows of a batch are rejected because the server named
// their line.
const maxNamed = 3

// lineOf gives the number of the row, counted from 1, at which a COPY into the
// relation failed, or 0 if the server does not say. The context reads
// `COPY events, line 3, column price`, the word for line being translated.
func lineOf(where, relation string) int {
	for line := range strings.Lines(where) {
		rest, ok := strings.CutPrefix(line, "COPY "+relation+", ")
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
			return n
		}
	}
	return 0
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
	line := lineOf(pgErr.Where, relation)
	if line < 1 || line > len(e.order) {
		return false
	}
	j.named++
	j.rejected[e.batch.rows[e.order[line-1]].message] = rejectedByError(pgErr)
	return true
}

const faultsTable = "pg_temp.postgres_copy_faults"

const makeFaultsTable = `CREATE TEMPORARY TABLE IF NOT EXISTS postgres_copy_faults (o int4, code text, message text, detail text) ON COMMIT DELETE ROWS`

// judge commits the rows that can be stored and rejects the rest.
func (s *session) judge(ctx context.Context, j *job, l *ledger) error {
	units, _ := j.plan(true)
	j.result = result{skipped: len(j.done)}
	if err := s.exec(ctx, "BEGIN; "+s.settings+"SET CONSTRAINTS ALL IMMEDIATE; "+makeFaultsTable); err != nil {
		return err
	}
	used := map[string]bool{}
	verdicts := judgement{faults: map[int]rejection{}}
	for _, u := range units {
		if err := s.judgeUnit(ctx, u, used[u.shape.judgeName], &verdicts); err != nil {
			return &unitError{u, true, err}
		}
		used[u.shape.judgeName] = true
		j.result.bytes += u.size()
	}
	if verdicts.inserted == 0 && verdicts.unclear != nil {
		return verdicts.unclear
	}
	for message, r := range verdicts.faults {
		j.rejected[message] = r
	}
	j.result.written = verdicts.inserted
	j.result.duplicates = verdicts.sent - verdicts.inserted - len(verdicts.faults)
	mark := ""
	if l != nil {
		if mark = l.markStatement(j.toMark()); mark != "" {
			mark += "; "
		}
	}
	return s.exec(ctx, mark+"COMMIT")
}

// judgement is what came out for the rows of a job.
type judgement struct {
	faults         map[int]rejection
	sent, inserted int
	// unclear is an error that might not be the row's fault, if there was one.
	unclear error
}

// unclearError is a failure of every row, from which follows nothing about the
// rows.
type unclearError struct{ code, message string }

func (e *unclearError) Error() string { return fmt.Sprintf("%s (SQLSTATE %s)", e.message, e.code) }

func (s *session) judgeUnit(ctx context.Context, u planned, reused bool, out *judgement) error {
	prepare := u.shape.makeJudge + "; "
	if reused {
		prepare += "DELETE FROM " + u.shape.judgeName + "; "
	}
	if _, err := s.copyRows(ctx, u.numberedStream(0), prepare+u.shape.copyJudge); err != nil {
		return err
	}
	rows, err := queryText(ctx, s.conn, u.judgeStatement()+"; SELECT o, code, message, detail FROM "+faultsTable+"; DELETE FROM "+faultsTable)
	if err != nil {
		return err
	}
	out.sent += len(u.order)
	for _, r := range rows {
		n, err := strconv.Atoi(r[0])
		if err != nil || n >= len(u.order) {
			return fmt.Errorf("reading which rows failed: row number %q", r[0])
		}
		if n < 0 { // the count of rows inserted
			count, _ := strconv.Atoi(r[2])
			out.inserted += count
			continue
		}
		if v := verdictOf(r[1]); v == verdictUnclear || v == verdictConfiguration {
			out.unclear = &unclearError{r[1], r[2]}
		}
		out.faults[u.batch.rows[u.order[n]].message] = rejectedBy(r[1], r[2], r[3])
	}
	return nil
}

// judgeStatement inserts the staged rows in runs, and notes those that cannot
// be inserted. What may pass by itself is raised again, and ends the
// transaction. A row that refers to one behind it, in a table whose foreign key
// refers to itself, is tried again when that one has been inserted.
func (u planned) judgeStatement() string {
	again := ""
	if u.part.target.selfRefers {
		again = `
	LOOP
		progress := false;
		FOR i IN SELECT f.o FROM ` + faultsTable + ` f WHERE f.code = '23503' ORDER BY f.o LOOP
			BEGIN
				` + u.shape.insertRange("i", "i + 1") + `;
				GET DIAGNOSTICS n = ROW_COUNT;
				inserted := inserted + n;
				DELETE FROM ` + faultsTable + ` f WHERE f.o = i;
				progress := true;
			EXCEPTION WHEN OTHERS THEN
				IF ` + passesByItself + ` THEN RAISE; END IF;
			END;
		END LOOP;
		EXIT WHEN NOT progress;
	END LOOP;`
	}
	return "DO " + quoteLiteral(`
DECLARE
	i int := 0;
	size int := 64;
	n int;
	inserted int := 0;
	progress boolean;
	detail text;
BEGIN
	WHILE i < `+strconv.Itoa(len(u.order))+` LOOP
		BEGIN
			`+u.shape.insertRange("i", "i + size")+`;
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
	END LOOP;`+again+`
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
