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
