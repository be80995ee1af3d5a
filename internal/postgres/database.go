package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CreateDatabase creates an empty database with a unique name and returns its DSN
// and a function that closes its connections and drops it. It may be called
// concurrently.
func (s *Server) CreateDatabase(ctx context.Context) (dsn string, drop func(context.Context) error, err error) {
	name := "connect_" + strings.ToLower(rand.Text())
	if dsn, err = s.CreateDatabaseNamed(ctx, name); err != nil {
		return "", nil, err
	}
	return dsn, func(ctx context.Context) error { return s.dropDatabase(ctx, name) }, nil
}

// CreateDatabaseNamed creates an empty database with the given name, which must be
// free, and returns its DSN.
func (s *Server) CreateDatabaseNamed(ctx context.Context, name string) (dsn string, err error) {
	if dsn, err = withDatabase(s.dsn, name); err != nil {
		return "", err
	}
	if err := exec1(ctx, s.dsn, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && pgErr.Code == "42501" {
			return "", fmt.Errorf("creating a database: %w: grant the role of the DSN the right with ALTER ROLE … CREATEDB", err)
		}
		return "", fmt.Errorf("creating a database: %w", err)
	}
	return dsn, nil
}

func (s *Server) dropDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return fmt.Errorf("connecting to drop database %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Refuse new connections and close the existing ones; PostgreSQL 12 has no DROP
	// DATABASE ... WITH (FORCE). ALTER fails for a database whose earlier drop was
	// interrupted, but DROP still works, so its error is ignored.
	quoted := pgx.Identifier{name}.Sanitize()
	_, _ = conn.Exec(ctx, "ALTER DATABASE "+quoted+" WITH ALLOW_CONNECTIONS false")
	if _, err := conn.Exec(ctx,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", name); err != nil {
		return fmt.Errorf("closing the connections of database %s: %w", name, err)
	}
	// DROP DATABASE waits a few seconds for the closed connections to end.
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted); err != nil {
		return fmt.Errorf("dropping database %s: %w", name, err)
	}
	return nil
}

// withDatabase returns dsn with another database. A DSN in keyword=value form stays
// in that form.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil // the last of several dbname wins
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("the DSN is not a valid URL") // the cause would show the password
	}
	u.Path = "/" + name
	query := u.Query()
	if query.Has("dbname") || query.Has("database") {
		query.Del("dbname")
		query.Del("database")
		u.RawQuery = query.Encode()
	}
	return u.String(), nil
}

func ping(ctx context.Context, dsn string) error { return exec1(ctx, dsn, "SELECT 1") }

// exec1 runs one statement on a connection of its own.
func exec1(ctx context.Context, dsn, statement string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}
