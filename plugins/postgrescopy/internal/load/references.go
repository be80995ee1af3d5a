package load

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// retryReferences tries the rows again that refer to a row which is not there, as
// long as that helps: it may be in the same batch, but behind them. In every other
// round they are tried from the last to the first, so that a chain takes few rounds
// whichever way it runs.
func (out *isolation) retryReferences(ctx context.Context, s *conn.Session, all []isolated) error {
	for progress, round := true, 0; progress; round++ {
		progress = false
		for _, g := range all {
			if len(all) == 1 && !g.of.table.SelfRefers {
				return nil
			}
			lacking := out.lackingReference(g)
			if len(lacking) == 0 {
				continue
			}
			for _, n := range lacking {
				delete(out.bad, n)
			}
			// Of one key the first, or the last, row is the one to count.
			if round%2 == 0 && (g.of.table.Mode == table.Append || g.UniqueKeys()) {
				slices.Reverse(lacking)
			}
			if err := g.retry(ctx, s, lacking, out); err != nil {
				g.staged = true
				return &groupError{g.group, err}
			}
			progress = progress || len(out.lackingReference(g)) < len(lacking)
		}
	}
	return nil
}

func (g isolated) retry(ctx context.Context, s *conn.Session, rows []int, out *isolation) error {
	if g.byClient {
		for _, n := range rows {
			one := g
			one.Order, one.first = g.Order[n-g.first:n-g.first+1], n
			if err := one.isolateByClient(ctx, s, out); err != nil {
				return err
			}
		}
		return nil
	}
	found, err := s.QueryText(ctx, g.retryStatement(rows)+readErrors)
	if err != nil {
		return err
	}
	return out.add(found)
}

// lackingReference returns the numbers of the group's rows that violate a foreign
// key.
func (out *isolation) lackingReference(g isolated) []int {
	var found []int
	for n := g.first; n < g.first+len(g.Order); n++ {
		if out.bad[n].Code == "23503" {
			found = append(found, n)
		}
	}
	return found
}

// retryStatement inserts rows all at once, in which they may refer to one another
// in any order, or else one by one, and notes those that cannot be inserted.
func (g isolated) retryStatement(rows []int) string {
	numbers := make([]string, len(rows))
	for i, n := range rows {
		numbers[i] = strconv.Itoa(n)
	}
	return "DO " + sqltext.Literal(variables+`
DECLARE
	lacking int[] := '{`+strings.Join(numbers, ",")+`}';
	i int;
	n int;
	inserted int := 0;
	detail text;
BEGIN
	BEGIN
		`+g.Set.InsertWhere("o = ANY (lacking)")+`;
		GET DIAGNOSTICS inserted = ROW_COUNT;
		lacking := '{}';
	EXCEPTION WHEN OTHERS THEN
		IF `+pgerr.RetryCondition+` THEN RAISE; END IF;
	END;
	FOREACH i IN ARRAY lacking LOOP
		BEGIN
			`+g.Set.InsertWhere("o = i")+`;
			GET DIAGNOSTICS n = ROW_COUNT;
			inserted := inserted + n;
		EXCEPTION WHEN OTHERS THEN
			IF `+pgerr.RetryCondition+` THEN RAISE; END IF;
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
			INSERT INTO `+errorsTable+` VALUES (i, SQLSTATE, SQLERRM, detail);
		END;
	END LOOP;
	INSERT INTO `+errorsTable+` VALUES (-1, '', inserted);
END`)
}
