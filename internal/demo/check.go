package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// check compares the events that the generator counted, those in its files and those
// in the table, and returns a sentence for each difference.
//
// The meter has found every event of the files in the table by its key. check
// verifies that there are no others and that the columns have the right values.
func (s *store) check(ctx context.Context, files totals, written int64) (problems []string, err error) {
	if written != files.Events {
		problems = append(problems, fmt.Sprintf("the generator wrote %d events, but its files hold %d", written, files.Events))
	}
	stored, distinct, err := s.totals(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting the stored events: %w", err)
	}
	rejected, err := s.rejected(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting the rejected events: %w", err)
	}
	differ := func(what string, want, got any) {
		if want != got {
			problems = append(problems, fmt.Sprintf("%s: %v in the files, %v stored", what, want, got))
		}
	}
	differ("events", files.Events, stored.Events)
	differ("distinct events", files.Events, distinct)
	types := map[string]bool{}
	for name := range files.Types {
		types[name] = true
	}
	for name := range stored.Types {
		types[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		differ(fmt.Sprintf("events of type %q", name), files.Types[name], stored.Types[name])
	}
	differ("sum of the prices, in cents", files.Cents, stored.Cents)
	differ("sum of the quantities", files.Quantity, stored.Quantity)
	differ("sum of the user IDs", files.Users, stored.Users)
	if rejected > 0 {
		problems = append(problems, fmt.Sprintf("%d events were rejected", rejected))
	}
	return problems, nil
}

func (s *store) totals(ctx context.Context) (sum totals, distinct int64, err error) {
	rows, err := s.pool.Query(ctx, `
		SELECT event_type, count(*), coalesce(sum(price) * 100, 0)::bigint, coalesce(sum(quantity), 0)::bigint, sum(user_id)::float8
		FROM user_events GROUP BY event_type`)
	if err != nil {
		return totals{}, 0, err
	}
	var name string
	var one totals
	if _, err := pgx.ForEachRow(rows, []any{&name, &one.Events, &one.Cents, &one.Quantity, &one.Users}, func() error {
		one.Types = map[string]int64{name: one.Events}
		sum.add(one)
		return nil
	}); err != nil {
		return totals{}, 0, err
	}
	err = s.pool.QueryRow(ctx, "SELECT count(DISTINCT event_id) FROM user_events").Scan(&distinct)
	return sum, distinct, err
}
