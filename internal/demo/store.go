package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ecommerce-ingest/connect/internal/postgres"
	"github.com/ecommerce-ingest/connect/sql"
)

// store is the demo's database, with connections of its own that see only what the
// pipeline has committed.
type store struct {
	dsn    string
	server *postgres.Server
	pool   *pgxpool.Pool
}

// checkDSN rejects a DSN that is not valid inside YAML, or that has an @ in its
// password: the driver would take what follows for the host, and print it.
func checkDSN(dsn string) error {
	if dsn == "" {
		return nil
	}
	address, _, _ := strings.Cut(dsn, "?")
	if u, err := url.Parse(dsn); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" ||
		strings.ContainsAny(dsn, " #\"'\n\t") || strings.Count(address, "@") > 1 {
		return errors.New("--dsn: give a URL, such as postgres://user:password@host:5432/database, with special characters as %XX")
	}
	return nil
}

func (d *demo) openStore(ctx context.Context) (*store, error) {
	server, err := postgres.Start(ctx, postgres.Options{DSN: d.opts.DSN, Log: noteWriter{d.screen}})
	if err != nil {
		return nil, err
	}
	d.cleanLater(server.Stop)
	s := &store{server: server}
	if server.Named() {
		var drop func(context.Context) error
		if s.dsn, drop, err = server.CreateDatabase(ctx); err != nil {
			return nil, err
		}
		d.cleanOutside(drop)
	} else if s.dsn, err = server.CreateDatabaseNamed(ctx, "ecommerce_events"); err != nil {
		return nil, err
	}
	if err := s.applySchema(ctx); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	d.cleanLater(func(context.Context) error { s.pool.Close(); return nil })
	return s, nil
}

// applySchema runs the schema's files in order. On the user's server it leaves out
// the file with the role, since roles belong to the whole server.
func (s *store) applySchema(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return fmt.Errorf("connecting to apply the schema: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	names, err := fs.Glob(sql.Files, "*.sql")
	if err != nil {
		return err
	}
	for _, name := range names { // sorted
		if s.server.Named() && strings.Contains(name, "role") {
			continue
		}
		statements, err := fs.ReadFile(sql.Files, name)
		if err != nil {
			return fmt.Errorf("reading the shipped %s: %w", name, err)
		}
		if _, err := conn.Exec(ctx, string(statements)); err != nil {
			return fmt.Errorf("applying %s: %w", name, err)
		}
	}
	return nil
}

// connect opens the pool. enable_seqscan=off forces index scans even if the planner's
// statistics lag behind the growing table.
func (s *store) connect(ctx context.Context) error {
	cfg, err := pgxpool.ParseConfig(s.dsn)
	if err != nil {
		return fmt.Errorf("reading the DSN: %w", err)
	}
	cfg.MaxConns = 3
	cfg.ConnConfig.RuntimeParams["application_name"] = "connect demo"
	cfg.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	cfg.ConnConfig.RuntimeParams["jit"] = "off"
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return fmt.Errorf("opening the connections of the demo: %w", err)
	}
	return nil
}

// present returns which of the events are stored.
func (s *store) present(ctx context.Context, ids []eventID) (map[eventID]bool, error) {
	rows, err := s.pool.Query(ctx, "SELECT event_id FROM user_events WHERE event_id = ANY($1::uuid[])", ids)
	if err != nil {
		return nil, err
	}
	found := make(map[eventID]bool, len(ids))
	var id eventID
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		found[id] = true
		return nil
	})
	return found, err
}

// rejected returns the number of rejected events.
func (s *store) rejected(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM rejected_events").Scan(&n)
	return n, err
}
