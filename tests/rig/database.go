package rig

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// Database queries the database of a test. Await retries while the server is down; the
// other methods fail the test.
type Database struct {
	site *Site
	Pool *pgxpool.Pool
}

// OpenDatabase connects to another database, or as another user, than the site does.
func OpenDatabase(s *Site, dsn string) *Database {
	s.T.Helper()
	conf, err := pgxpool.ParseConfig(dsn)
	require.NoError(s.T, err)
	conf.MaxConns = 2 // many tests share the server
	// No cached descriptions, since tables are dropped and created again.
	conf.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), conf)
	require.NoError(s.T, err)
	s.T.Cleanup(pool.Close)
	return &Database{site: s, Pool: pool}
}

// Value returns the only value of a query as text, or the error of the query.
func (d *Database) Value(query string, args ...any) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	var answer string
	err := d.Pool.QueryRow(ctx, "SELECT ("+query+")::text", args...).Scan(&answer)
	return answer, err
}

// Require checks the result of a query.
func (d *Database) Require(want, query string, args ...any) {
	d.site.T.Helper()
	got, err := d.Value(query, args...)
	require.NoError(d.site.T, err)
	require.Equal(d.site.T, want, got, "%s %v", query, args)
}

// Await waits until a query has the wanted result.
func (d *Database) Await(want, query string, args ...any) {
	d.site.T.Helper()
	Await(d.site.T, fmt.Sprintf("%s of %s %v", want, query, args), func() error {
		for _, p := range d.site.programs {
			if p.Ended() && !p.wanted {
				return Hopeless(fmt.Errorf("the %s ended: %s", p.name, p.Cmd.ProcessState))
			}
		}
		got, err := d.Value(query, args...)
		if err == nil && got != want {
			err = fmt.Errorf("it is %s", got)
		}
		return err
	})
}

// AwaitStored waits until user_events has n rows.
func (d *Database) AwaitStored(n int) {
	d.site.T.Helper()
	d.Await(fmt.Sprint(n), "SELECT count(*) FROM user_events")
}

// AwaitAtLeast waits until user_events has n rows or more.
func (d *Database) AwaitAtLeast(n int) {
	d.site.T.Helper()
	d.Await("true", "SELECT count(*) >= $1::bigint FROM user_events", n)
}

// AwaitRejected waits until rejected_events has n rows.
func (d *Database) AwaitRejected(n int) {
	d.site.T.Helper()
	d.Await(fmt.Sprint(n), "SELECT count(*) FROM rejected_events")
}

// Exec runs statements that must succeed.
func (d *Database) Exec(statements string, args ...any) {
	d.site.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	_, err := d.Pool.Exec(ctx, statements, args...)
	require.NoError(d.site.T, err)
}

// CreateTables runs the shipped schema as the pipeline does when connecting.
func (d *Database) CreateTables() {
	d.site.T.Helper()
	for _, name := range []string{"001_user_events.sql", "002_rejected_events.sql", "003_indexes.sql"} {
		d.Exec(d.site.Schema(name))
	}
}

// LockEvents locks user_events against readers and writers until the returned function is
// called, to simulate a very slow database.
func (d *Database) LockEvents() (release func()) {
	d.site.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	tx, err := d.Pool.Begin(ctx)
	require.NoError(d.site.T, err)
	_, err = tx.Exec(ctx, "LOCK TABLE user_events IN ACCESS EXCLUSIVE MODE")
	require.NoError(d.site.T, err)
	// A test that fails in the meantime must not wait for the lock.
	d.site.T.Cleanup(func() {
		defer cancel()
		_ = tx.Rollback(ctx) // released already, as a rule
	})
	return func() {
		d.site.T.Helper()
		require.NoError(d.site.T, tx.Rollback(ctx))
	}
}

// Stored returns every row of user_events by its event_id.
func (d *Database) Stored() map[string]Event {
	d.site.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	rows, err := d.Pool.Query(ctx, `
		SELECT event_id::text, user_id::text, coalesce(session_id::text, ''), event_type,
		       coalesce(product_id::text, ''), coalesce(product_name, ''), coalesce(category, ''),
		       coalesce(price::text, ''), coalesce(quantity::text, ''), "timestamp"
		FROM user_events`)
	require.NoError(d.site.T, err)
	all := map[string]Event{}
	var e Event
	_, err = pgx.ForEachRow(rows, []any{&e.id, &e.user, &e.session, &e.kind, &e.product, &e.name, &e.category, &e.price, &e.quantity, &e.at}, func() error {
		e.at = e.at.UTC().Truncate(time.Microsecond)
		all[e.id] = e
		return nil
	})
	require.NoError(d.site.T, err)
	return all
}

// Rejection is a row of rejected_events. Row is -1 if it has no row number.
type Rejection struct {
	Stage, Reason, Path string
	Row                 int64
	Raw                 string
}

// Rejected returns the rejections of one file in the order of their rows.
func (d *Database) Rejected(path string) []Rejection {
	d.site.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	rows, err := d.Pool.Query(ctx, `
		SELECT stage, reason, coalesce(path, ''), coalesce(row_number, -1), coalesce(raw, '')
		FROM rejected_events WHERE path = $1 ORDER BY row_number`, path)
	require.NoError(d.site.T, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Rejection])
	require.NoError(d.site.T, err)
	return all
}
