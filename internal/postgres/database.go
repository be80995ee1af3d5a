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

// CreateDatabase makes an empty database with a name of its own on the server
// and returns its DSN, and a function that drops it again, cutting whatever
// connections it still has. Nothing else on the server is touched. It may be
// called concurrently.
func (s *Server) CreateDatabase(ctx context.Context) (dsn string, drop func(context.Context) error, err error) {
	name := "connect_" + strings.ToLower(rand.Text())
	if dsn, err = s.CreateDatabaseNamed(ctx, name); err != nil {
		return "", nil, err
	}
	return dsn, func(ctx context.Context) error { return s.dropDatabase(ctx, name) }, nil
}

// CreateDatabaseNamed makes an empty database with the given name, which must
// be free, and returns its DSN. It stays for as long as the server does.
func (s *Server) CreateDatabaseNamed(ctx context.Context, name string) (dsn string, err error) {
	if dsn, err = withDatabase(s.dsn, name); err != nil {
		return "", err
	}
	if err := exec1(ctx, s.dsn, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && pgErr.Code == "42501" {
			return "", fmt.Errorf("creating a database of our own: %w: give the role of the DSN the right with ALTER ROLE … CREATEDB", err)
		}
		return "", fmt.Errorf("creating a database of our own: %w", err)
	}
	return dsn, nil
}

func (s *Server) dropDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return fmt.Errorf("connecting to drop database %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Neither new connections nor old ones may stand in the way. FORCE would do
	// both, but PostgreSQL 12 does not know it. What a drop that was cut short
	// leaves cannot be closed any more, and need not: hence no look at the error.
	quoted := pgx.Identifier{name}.Sanitize()
	_, _ = conn.Exec(ctx, "ALTER DATABASE "+quoted+" WITH ALLOW_CONNECTIONS false")
	if _, err := conn.Exec(ctx,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", name); err != nil {
		return fmt.Errorf("cutting the connections of database %s: %w", name, err)
	}
	// DROP DATABASE itself waits a few seconds for those just cut.
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted); err != nil {
		return fmt.Errorf("dropping database %s: %w", name, err)
	}
	return nil
}

// withDatabase returns dsn with another database in it, in the form it had.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil // the last of two counts
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
