package conn

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// Pool is a pool of connections, and the statements that every transaction
// begins with. Many goroutines may use it.
type Pool struct {
	*pgxpool.Pool
	settings string
}

// Open makes a pool. Connections are made when they are first used.
func (c *Settings) Open(ctx context.Context) (*Pool, error) {
	config, err := c.PoolConfig()
	if err != nil {
		return nil, err
	}
	pool := &Pool{settings: c.prefix()}
	if c.MaxIdle > 0 {
		config.AfterRelease = func(*pgx.Conn) bool { return pool.Stat().IdleConns() < int32(c.MaxIdle) }
	}
	if pool.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("making a pool of connections: %w", err)
	}
	return pool, nil
}

// InTransaction runs do in a transaction with the settings of the configuration,
// and commits it.
func (p *Pool) InTransaction(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, p.Pool, func(tx pgx.Tx) error {
		if p.settings != "" {
			if _, err := tx.Conn().PgConn().Exec(ctx, p.settings).ReadAll(); err != nil {
				return fmt.Errorf("applying the session's settings: %w", err)
			}
		}
		return do(tx)
	})
}

// InSession runs do with a connection of its own. When do fails, its transaction
// is rolled back, or the connection closed if that cannot be done.
func (p *Pool) InSession(ctx context.Context, do func(*Session) error) error {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	s := &Session{Conn: conn.Conn().PgConn(), Settings: p.settings}
	if err = do(s); err != nil && s.Rollback(ctx) != nil {
		_ = conn.Conn().Close(ctx)
	}
	return err
}

// oldestVersion is the oldest version that is supported, as server_version_num.
const oldestVersion = 120000

// LedgerVersion is the first version that has multiranges.
const LedgerVersion = 140000

// CheckVersion refuses servers that are too old.
func (p *Pool) CheckVersion(ctx context.Context, wantsLedger bool) error {
	return p.InTransaction(ctx, func(tx pgx.Tx) error {
		var number int
		var name string
		const query = "SELECT pg_catalog.current_setting('server_version_num')::int, pg_catalog.current_setting('server_version')"
		if err := tx.QueryRow(ctx, query).Scan(&number, &name); err != nil {
			return fmt.Errorf("asking for the server's version: %w", err)
		}
		switch {
		case number < oldestVersion:
			return pgerr.Operatorf("the server runs PostgreSQL %s: postgres_copy needs PostgreSQL 12 or later", name)
		case wantsLedger && number < LedgerVersion:
			return pgerr.Operatorf("the server runs PostgreSQL %s: exactly_once needs PostgreSQL 14 or later, which has multiranges: remove `exactly_once` or upgrade the server", name)
		}
		return nil
	})
}
