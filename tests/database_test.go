package tests

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// database queries the database of a test. await retries while the server is down.
type database struct {
	site *site
	pool *pgxpool.Pool
}

func openDatabase(s *site, dsn string) *database {
	s.t.Helper()
	conf, err := pgxpool.ParseConfig(dsn)
	require.NoError(s.t, err)
	conf.MaxConns = 2 // many tests share the server
	// No cached descriptions, since tables are dropped and created again.
	conf.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), conf)
	require.NoError(s.t, err)
	s.t.Cleanup(pool.Close)
	return &database{site: s, pool: pool}
}

// ask returns the only value of a query as text.
func (d *database) ask(query string, args ...any) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	var answer string
	err := d.pool.QueryRow(ctx, "SELECT ("+query+")::text", args...).Scan(&answer)
	return answer, err
}

// require checks the result of a query.
func (d *database) require(want, query string, args ...any) {
	d.site.t.Helper()
	got, err := d.ask(query, args...)
	require.NoError(d.site.t, err)
	require.Equal(d.site.t, want, got, "%s %v", query, args)
}

// await waits until a query has the wanted result.
func (d *database) await(want, query string, args ...any) {
	d.site.t.Helper()
	await(d.site.t, fmt.Sprintf("%s of %s %v", want, query, args), func() error {
		for _, p := range d.site.programs {
			if p.ended() && !p.wanted {
				return &hopeless{fmt.Errorf("the %s ended: %v", p.name, p.outcome)}
			}
		}
		got, err := d.ask(query, args...)
		if err == nil && got != want {
			err = fmt.Errorf("it is %s", got)
		}
		return err
	})
}

// awaitStored waits until user_events has so many rows.
func (d *database) awaitStored(n int) {
	d.site.t.Helper()
	d.await(fmt.Sprint(n), "SELECT count(*) FROM user_events")
}

// awaitAtLeast waits until user_events has more than n rows.
func (d *database) awaitAtLeast(n int) {
	d.site.t.Helper()
	d.await("true", "SELECT count(*) >= $1::bigint FROM user_events", n)
}

// awaitRejected waits until rejected_events has so many rows.
func (d *database) awaitRejected(n int) {
	d.site.t.Helper()
	d.await(fmt.Sprint(n), "SELECT count(*) FROM rejected_events")
}

// exec runs statements that must succeed.
func (d *database) exec(statements string, args ...any) {
	d.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	_, err := d.pool.Exec(ctx, statements, args...)
	require.NoError(d.site.t, err)
}

// makeTables runs the shipped schema as the pipeline does when connecting.
func (d *database) makeTables() {
	d.site.t.Helper()
	for _, name := range []string{"001_user_events.sql", "002_rejected_events.sql", "003_indexes.sql"} {
		d.exec(d.site.schema(name))
	}
}

// hold locks user_events against readers and writers until the returned function is
// called, to simulate a very slow database.
func (d *database) hold() (release func()) {
	d.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	tx, err := d.pool.Begin(ctx)
	require.NoError(d.site.t, err)
	_, err = tx.Exec(ctx, "LOCK TABLE user_events IN ACCESS EXCLUSIVE MODE")
	require.NoError(d.site.t, err)
	// A test that fails in the meantime must not wait for the lock.
	d.site.t.Cleanup(func() {
		defer cancel()
		_ = tx.Rollback(ctx) // released already, as a rule
	})
	return func() {
		d.site.t.Helper()
		require.NoError(d.site.t, tx.Rollback(ctx))
	}
}

// stored returns every row of user_events by its event_id.
func (d *database) stored() map[string]event {
	d.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	rows, err := d.pool.Query(ctx, `
		SELECT event_id::text, user_id::text, coalesce(session_id::text, ''), event_type,
		       coalesce(product_id::text, ''), coalesce(product_name, ''), coalesce(category, ''),
		       coalesce(price::text, ''), coalesce(quantity::text, ''), "timestamp"
		FROM user_events`)
	require.NoError(d.site.t, err)
	all := map[string]event{}
	var e event
	_, err = pgx.ForEachRow(rows, []any{&e.id, &e.user, &e.session, &e.kind, &e.product, &e.name, &e.category, &e.price, &e.quantity, &e.at}, func() error {
		e.at = e.at.UTC().Truncate(time.Microsecond)
		all[e.id] = e
		return nil
	})
	require.NoError(d.site.t, err)
	return all
}

// rejection is a row of rejected_events.
type rejection struct {
	Stage, Reason, Path string
	Row                 int64
	Raw                 string
}

// rejected returns the rejections of one file in the order of their rows.
func (d *database) rejected(path string) []rejection {
	d.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	rows, err := d.pool.Query(ctx, `
		SELECT stage, reason, coalesce(path, ''), coalesce(row_number, -1), coalesce(raw, '')
		FROM rejected_events WHERE path = $1 ORDER BY row_number`, path)
	require.NoError(d.site.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[rejection])
	require.NoError(d.site.t, err)
	return all
}
