package load

import (
	"context"
	"slices"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// maxTogether is how many neighbouring rows are tried together, when all of them
// cannot be.
const maxTogether = 8

// tryTogether tries rows again, as long as that helps, that may be stored together
// with others of their batch: first all of a group, then neighbours.
func (i *isolation) tryTogether(ctx context.Context) error {
	for progress, round := true, 0; progress; round++ {
		progress = false
		for _, g := range i.groups {
			rows := g.dependent(len(i.groups) > 1)
			if round%2 == 0 && (g.of.table.Mode == table.Append || g.UniqueKeys()) {
				slices.Reverse(rows) // a chain may run either way
			}
			stored, err := i.tryNeighbours(ctx, g, rows)
			if err != nil {
				return &groupError{g.group, err}
			}
			progress = progress || stored
		}
	}
	return nil
}

// dependent returns the bad rows of the group that may be stored together with
// others.
func (g *isolated) dependent(ofSeveral bool) []int {
	var rows []int
	for at, e := range g.bad {
		if g.of.table.DependsOnOthers(e) || (ofSeveral && e.Code == "23503") {
			rows = append(rows, at)
		}
	}
	slices.Sort(rows)
	return rows
}

// tryNeighbours reports whether some of the rows could be stored.
func (i *isolation) tryNeighbours(ctx context.Context, g *isolated, rows []int) (stored bool, err error) {
	if len(rows) == 0 {
		return false, nil
	}
	if all, err := i.tryDeferred(ctx, g, rows); all || err != nil {
		return all, err
	}
	for from := 0; from < len(rows); {
		most := min(maxTogether, len(rows)-from)
		if g.bad[rows[from]].Code == "23503" {
			most = 1 // what it refers to must be there before
		}
		taken := 0
		for n := 1; n <= most && taken == 0; n++ {
			ok, err := i.tryDeferred(ctx, g, rows[from:from+n])
			if err != nil {
				return stored, err
			}
			if ok {
				taken = n
			}
		}
		stored = stored || taken > 0
		from += max(taken, 1)
	}
	return stored, nil
}

// tryDeferred inserts bad rows together, and then has the constraints checked that
// may wait until COMMIT.
func (i *isolation) tryDeferred(ctx context.Context, g *isolated, rows []int) (bool, error) {
	order := make([]int, len(rows))
	for n, at := range rows {
		order[n] = g.Order[at]
	}
	slices.Sort(order)
	before := i.inserted
	if err := i.s.Exec(ctx, "SAVEPOINT together; SET CONSTRAINTS ALL DEFERRED"); err != nil {
		return false, err
	}
	rowErr, err := i.try(ctx, g, order)
	if err != nil {
		return false, err
	}
	if rowErr == nil {
		err = i.s.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE; RELEASE together")
		if err == nil {
			for _, at := range rows {
				delete(g.bad, at)
			}
			return true, nil
		}
		if _, ok := pgerr.As(err); !ok || pgerr.Classify(ctx, err).Retry() {
			return false, err
		}
	}
	i.inserted = before
	return false, i.s.Exec(ctx, "ROLLBACK TO together; RELEASE together")
}
