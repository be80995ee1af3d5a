package postgrescopy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Everything is said in PostgreSQL's simple protocol: several statements go out
// at once, together with the rows of one COPY, and one answer comes back. A
// string of statements without BEGIN is one transaction by itself, so that most
// batches take one round trip. No statement is prepared under a name, which is
// what a pooler in transaction mode asks for.

// session is a connection that one goroutine has to itself for a while.
type session struct {
	conn *pgconn.PgConn
	// settings is put in front of the first statement of every transaction.
	settings string
}

// copyRows runs statements, of which one is a COPY FROM STDIN that reads rows.
// The tag is that of the last statement.
func (s *session) copyRows(ctx context.Context, rows *stream, statements string) (pgconn.CommandTag, error) {
	defer rows.stop()
	return s.conn.CopyFrom(ctx, rows, statements)
}

// exec runs statements.
func (s *session) exec(ctx context.Context, statements string) error {
	return s.conn.Exec(ctx, statements).Close()
}

// rollback leaves the connection as usable as it was, if that can be done.
func (s *session) rollback(ctx context.Context) error {
	if s.conn.IsClosed() || s.conn.TxStatus() == 'I' {
		return nil
	}
	return s.exec(ctx, "ROLLBACK")
}

// queryText runs statements and gives the rows of all their results as text;
// NULL is the empty string.
func queryText(ctx context.Context, conn *pgconn.PgConn, statements string) ([][]string, error) {
	results, err := conn.Exec(ctx, statements).ReadAll()
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

// asPgError finds what the server said in err.
func asPgError(err error) (*pgconn.PgError, bool) {
	var pgErr *pgconn.PgError
	ok := errors.As(err, &pgErr)
	return pgErr, ok
}

// describe is err as a person should read it.
func describe(err error) string {
	var fault *configError
	if errors.As(err, &fault) {
		return fault.message
	}
	var missing *errNoTable
	if errors.As(err, &missing) {
		return missing.Error()
	}
	pgErr, ok := asPgError(err)
	if !ok {
		return inOneLine(err, err.Error())
	}
	text := shortened(pgErr.Message)
	if pgErr.Detail != "" && showsDetail(pgErr.Code) {
		text += ": " + shortened(pgErr.Detail)
	}
	if pgErr.Hint != "" {
		text += " (hint: " + pgErr.Hint + ")"
	}
	text += fmt.Sprintf(" (SQLSTATE %s)", pgErr.Code)
	return inOneLine(err, strings.Replace(err.Error(), pgErr.Error(), text, 1))
}

// inOneLine undoes how pgx lists what it tried, a line for each address with
// and without TLS: in a log it would be hard to read, and mostly twice the same.
func inOneLine(err error, text string) string {
	var failed *pgconn.ConnectError
	head, list, found := strings.Cut(text, "\n\t")
	if !found || !errors.As(err, &failed) {
		return text
	}
	var tries []string
	for try := range strings.SplitSeq(list, "\n\t") {
		if !slices.Contains(tries, try) {
			tries = append(tries, try)
		}
	}
	return head + " " + strings.Join(tries, "; ")
}
