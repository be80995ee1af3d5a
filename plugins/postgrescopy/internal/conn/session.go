package conn

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Everything is said in PostgreSQL's simple protocol: several statements go out
// at once, together with the rows of one COPY, and one answer comes back. A
// string of statements without BEGIN is one transaction by itself, so that most
// batches take one round trip. No statement is prepared under a name, which is
// what a pooler in transaction mode asks for.

// Session is a connection that one goroutine has to itself for a while.
type Session struct {
	Conn *pgconn.PgConn
	// Settings are the statements to put in front of every transaction.
	Settings string
}

// Exec runs statements.
func (s *Session) Exec(ctx context.Context, statements string) error {
	return s.Conn.Exec(ctx, statements).Close()
}

// Rollback leaves the connection as usable as it was, if that can be done.
func (s *Session) Rollback(ctx context.Context) error {
	if s.Conn.IsClosed() || s.Conn.TxStatus() == 'I' {
		return nil
	}
	return s.Exec(ctx, "ROLLBACK")
}

// Durable is a statement that has the COMMIT of its transaction wait as
// synchronous_commit asks for, even if nothing else is written: what an earlier
// transaction wrote is then as durable, though that one may have ended without
// its standbys. It does nothing where no standby is synchronous.
const Durable = "SELECT pg_catalog.pg_logical_emit_message(true, 'postgres_copy', '') WHERE pg_catalog.current_setting('synchronous_standby_names') <> ''"

// unreplicated is the key of a connection's data that is set when a COMMIT
// stopped to wait for synchronous standbys.
const unreplicated = "postgres_copy.unreplicated"

// noteUnreplicated notes the server's warning that a COMMIT was cancelled while it
// waited for synchronous standbys: it has committed locally, and says so, but no
// standby need have it. The routine tells in every language.
func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()[unreplicated] = true
	}
}

// AwaitStandbys returns once what was committed over the connection is as durable
// as synchronous_commit asks for.
func (s *Session) AwaitStandbys(ctx context.Context) error {
	for s.Conn.CustomData()[unreplicated] != nil {
		delete(s.Conn.CustomData(), unreplicated)
		if err := s.Exec(ctx, s.Settings+Durable); err != nil {
			return err
		}
	}
	return nil
}

// QueryText runs statements and returns the rows of all their results as text;
// NULL is the empty string.
func (s *Session) QueryText(ctx context.Context, statements string) ([][]string, error) {
	results, err := s.Conn.Exec(ctx, statements).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, result := range results {
		for _, values := range result.Rows {
			row := make([]string, len(values))
			for i, v := range values {
				row[i] = string(v)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}
