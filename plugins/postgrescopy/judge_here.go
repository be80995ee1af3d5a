package postgrescopy

import (
	"context"
	"strings"
)

// judgeHere judges the rows of a unit from this side, where the server cannot:
// without PL/pgSQL, without the right to make temporary tables, or when it
// refuses a row's bytes. It sends runs of rows, each behind a savepoint, that
// shrink and grow as those of judgeStatement do, or end before the row that the
// server names. That is a round trip for each run.
func (s *session) judgeHere(ctx context.Context, u judged, out *judgement) error {
	staged := u.part.target.mode != modeAppend || u.shape.stagedOnly
	relation := u.part.target.relation
	if staged {
		relation = strings.TrimPrefix(u.shape.stageName, "pg_temp.")
	}
	for at, size := 0, 1; at < len(u.order); {
		size = min(size, len(u.order)-at)
		run := planned{unit{batch: u.batch, shape: u.shape, order: u.order[at : at+size]}, u.part, staged}
		rows := run.stream()
		if staged && u.shape.numbered {
			rows = run.numberedStream(0)
		}
		_, err := s.copyRows(ctx, rows, "SAVEPOINT judged; "+run.statements("DELETE FROM ")+"; RELEASE judged")
		if err == nil {
			out.inserted += size
			at += size
			size = min(2*size, 1024)
			continue
		}
		pgErr, ok := asPgError(err)
		if !ok || passes(classify(ctx, err)) {
			return err
		}
		if err := s.exec(ctx, "ROLLBACK TO judged; RELEASE judged"); err != nil {
			return err
		}
		line, column := lineOf(pgErr.Where, relation)
		if staged {
			column = u.shape.unalias(column)
		}
		switch {
		case size == 1 || line == 1:
			out.faults[u.first+at] = faultOf(pgErr, column)
			at++
		case line > 1 && line <= size:
			size = line - 1
		default:
			size = max(size/4, 1)
		}
	}
	return nil
}

// passes says whether an error ends the transaction, to be tried again whole.
func passes(v verdict) bool {
	return v == verdictTemporary || v == verdictLost || v == verdictCancelled
}
