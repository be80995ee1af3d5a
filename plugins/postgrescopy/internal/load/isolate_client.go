package load

import (
	"context"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// isolateByClient finds the bad rows of a group from here, where the server cannot:
// without PL/pgSQL, without the right to make temporary tables, or when it refuses
// a row's bytes. It sends runs of rows, each behind a savepoint, that shrink and
// grow as those of isolateStatement do, or end before the row that the server
// names. That is a round trip for each run.
func (g isolated) isolateByClient(ctx context.Context, s *conn.Session, out *isolation) error {
	run := g.group
	run.staged = g.of.table.Mode != table.Append || g.Set.StagedOnly
	for at, size := 0, 1; at < len(g.Order); {
		size = min(size, len(g.Order)-at)
		run.Order = g.Order[at : at+size]
		_, err := copyRows(ctx, s, run.stream(), "SAVEPOINT isolate; "+run.statements("DELETE FROM ")+"; RELEASE isolate")
		if err == nil {
			out.inserted += size
			at += size
			size = min(2*size, 1024)
			continue
		}
		pgErr, ok := pgerr.As(err)
		if !ok || pgerr.Classify(ctx, err).Retry() {
			return err
		}
		if err := s.Exec(ctx, "ROLLBACK TO isolate; RELEASE isolate"); err != nil {
			return err
		}
		line, column := run.lineOf(pgErr.Where)
		switch {
		case size == 1 || line == 1:
			out.bad[g.first+at] = pgerr.RowErrorOf(pgErr, column)
			at++
		case line > 1 && line <= size:
			size = line - 1
		default:
			size = max(size/4, 1)
		}
	}
	return nil
}
