package postgrescopy

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// judgeAgain tries the rows again that refer to a row which is not there, as
// long as that helps: it may be in the same batch, but behind them. They are tried
// behind those that they refer to, so that one round is enough within a unit.
// Where that cannot be told, they are tried from the last to the first in every
// other round, so that a chain takes few rounds at least if it runs either way.
func (s *session) judgeAgain(ctx context.Context, units []judged, out *judgement) error {
	for progress, round := true, 0; progress; round++ {
		progress = false
		for _, u := range units {
			if len(units) == 1 && !u.part.target.selfRefers {
				return nil
			}
			orphans := out.orphans(u)
			if len(orphans) == 0 {
				continue
			}
			for _, n := range orphans {
				delete(out.faults, n)
			}
			if round%2 == 0 && u.part.target.mode == modeAppend { // else the last, or first, of a key is the one to count
				slices.Reverse(orphans)
			}
			if err := s.judgeOrphans(ctx, u, u.parentsFirst(orphans), out); err != nil {
				return &unitError{planned{u.unit, u.part, true}, err}
			}
			progress = progress || len(out.orphans(u)) < len(orphans)
		}
	}
	return nil
}

func (s *session) judgeOrphans(ctx context.Context, u judged, orphans []int, out *judgement) error {
	if u.here {
		for _, n := range orphans {
			one := u
			one.order, one.first = u.order[n-u.first:n-u.first+1], n
			if err := s.judgeHere(ctx, one, out); err != nil {
				return err
			}
		}
		return nil
	}
	rows, err := queryText(ctx, s.conn, u.againStatement(orphans)+readFaults)
	if err != nil {
		return err
	}
	return out.add(rows)
}

// orphans are the numbers of the unit's rows that violate a foreign key.
func (out *judgement) orphans(u judged) []int {
	var found []int
	for n := u.first; n < u.first+len(u.order); n++ {
		if out.faults[n].code == "23503" {
			found = append(found, n)
		}
	}
	return found
}

// againStatement inserts rows all at once, in which they may refer to one
// another in any order, or else one by one, and notes those that cannot be
// inserted.
func (u judged) againStatement(rows []int) string {
	numbers := make([]string, len(rows))
	for i, n := range rows {
		numbers[i] = strconv.Itoa(n)
	}
	return "DO " + quoteLiteral(variables+`
DECLARE
	orphans int[] := '{`+strings.Join(numbers, ",")+`}';
	i int;
	n int;
	inserted int := 0;
	detail text;
BEGIN
	BEGIN
		`+u.shape.insertWhere("o = ANY (orphans)")+`;
		GET DIAGNOSTICS inserted = ROW_COUNT;
		orphans := '{}';
	EXCEPTION WHEN OTHERS THEN
		IF `+passesByItself+` THEN RAISE; END IF;
	END;
	FOREACH i IN ARRAY orphans LOOP
		BEGIN
			`+u.shape.insertWhere("o = i")+`;
			GET DIAGNOSTICS n = ROW_COUNT;
			inserted := inserted + n;
		EXCEPTION WHEN OTHERS THEN
			IF `+passesByItself+` THEN RAISE; END IF;
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
			INSERT INTO `+faultsTable+` VALUES (i, SQLSTATE, SQLERRM, detail);
		END;
	END LOOP;
	INSERT INTO `+faultsTable+` VALUES (-1, '', inserted);
END`)
}
