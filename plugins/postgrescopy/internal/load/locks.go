package load

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// How long a batch waits for a lock before that is logged, and how often it is looked
// at again.
const (
	lockPatience = 5 * time.Second
	lockInterval = 10 * time.Second
)

// blockersQuery describes the sessions that block one.
const blockersQuery = `
SELECT pg_catalog.concat('pid ', a.pid, ' (user ', coalesce(a.usename, '?'), ', application ', coalesce(nullif(a.application_name, ''), '?'), ', ', coalesce(a.state, '?'),
	' since ', pg_catalog.to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), ' UTC)')
FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1::int4)) AS b (pid) JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid`

// watchLocks reports who blocks the session, if it waits for a lock for long, until stop
// is called.
func (w *Writer) watchLocks(ctx context.Context, s *conn.Session, b *Batch) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	pid := s.Conn.PID()
	started := time.Now()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		over := func() {}
		defer func() { over() }()
		for wait := lockPatience; conn.Sleep(ctx, wait) == nil; wait = lockInterval {
			blockers, err := w.blockers(ctx, pid)
			if err != nil {
				continue
			}
			over()
			over = func() {}
			if by := strings.Join(blockers, ", "); by != "" {
				over = w.Blocked(started, by)
				w.Warn("Writing to %s waits for a lock since %v: blocked by %s. End that session, or wait", b.tableNames(), time.Since(started).Round(time.Second), by)
			}
		}
	}()
	return func() {
		cancel()
		<-watched
	}
}

// tableNames returns the names of the tables that the batch goes to.
func (b *Batch) tableNames() string {
	var names []string
	for _, t := range b.Tables {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// blockers asks over a connection of its own, since all of the pool's may be waiting.
func (w *Writer) blockers(ctx context.Context, pid uint32) ([]string, error) {
	c, err := pgx.ConnectConfig(ctx, w.Pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(ctx) }()
	rows, err := c.Query(ctx, blockersQuery, pid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
