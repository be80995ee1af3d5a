package tests

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// database is what a test looks into. It bears with a server that is down: then
// an answer just is not there yet.
type database struct {
	site *site
	pool *pgxpool.Pool
}

func openDatabase(s *site, dsn string) *database {
	s.t.Helper()
	conf, err := pgxpool.ParseConfig(dsn)
	require.NoError(s.t, err)
	conf.MaxConns = 2 // many tests share the server
	// Tables come and go under our feet: do not remember what they looked like.
	conf.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), conf)
	require.NoError(s.t, err)
	s.t.Cleanup(pool.Close)
	return &database{site: s, pool: pool}
}

// ask returns the one value of a query, as text.
func (d *database) ask(query string, args ...any) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var answer string
	err := d.pool.QueryRow(ctx, "SELECT ("+query+")::text", args...).Scan(&answer)
	return answer, err
}

// require checks the answer to a query now.
func (d *database) require(want, query string, args ...any) {
	d.site.t.Helper()
	got, err := d.ask(query, args...)
	require.NoError(d.site.t, err)
	require.Equal(d.site.t, want, got, "%s %v", query, args)
}

// await waits until the answer to a query is the one wanted.
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

// awaitStored waits until so many rows stand in user_events.
func (d *database) awaitStored(n int) {
	d.site.t.Helper()
	d.await(fmt.Sprint(n), "SELECT count(*) FROM user_events")
}

// awaitAtLeast waits until more than n rows stand in user_events.
func (d *database) awaitAtLeast(n int) {
	d.site.t.Helper()
	d.await("true", "SELECT count(*) >= $1::bigint FROM user_events", n)
}

// awaitRejected waits until so many rows stand in rejected_events.
func (d *database) awaitRejected(n int) {
	d.site.t.Helper()
	d.await(fmt.Sprint(n), "SELECT count(*) FROM rejected_events")
}

// exec runs statements that must succeed.
func (d *database) exec(statements string, args ...any) {
	d.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := d.pool.Exec(ctx, statements, args...)
	require.NoError(d.site.t, err)
}

// makeTables runs the shipped schema, as the pipeline does when it connects.
func (d *database) makeTables() {
	d.site.t.Helper()
	for _, name := range []string{"001_user_events.sql", "002_rejected_events.sql", "003_indexes.sql"} {
		d.exec(d.site.schema(name))
	}
}

// hold locks user_events against every reader and writer until the function it
// returns is called: a database that has become very slow.
func (d *database) hold() (release func()) {
	d.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tx, err := d.pool.Begin(ctx)
	require.NoError(d.site.t, err)
	_, err = tx.Exec(ctx, "LOCK TABLE user_events IN ACCESS EXCLUSIVE MODE")
	require.NoError(d.site.t, err)
	// A test that fails meanwhile must not wait for the lock for ever.
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rows, err := d.pool.Query(ctx, `
		SELECT stage, reason, coalesce(path, ''), coalesce(row_number, -1), coalesce(raw, '')
		FROM rejected_events WHERE path = $1 ORDER BY row_number`, path)
	require.NoError(d.site.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[rejection])
	require.NoError(d.site.t, err)
	return all
}
