package pgerr

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
)

func serverError(code string) error { return &pgconn.PgError{Code: code} }

func TestErrorsAreClassifiedByTheirCause(t *testing.T) {
	t.Parallel()
	server := serverError
	during := func(code, where string) error { return &pgconn.PgError{Code: code, Where: where} }
	cases := []struct {
		name string
		err  error
		want Class
	}{
		{"a value out of range", server("22003"), BadRow},
		{"text that is no number", server("22P02"), BadRow},
		{"bytes that are no value", server("22P03"), BadRow},
		{"too few bytes for a value", during("08P01", "COPY t, line 3, column v"), BadRow},
		{"a null", server("23502"), BadRow},
		{"a foreign key", server("23503"), BadRow},
		{"a duplicate", server("23505"), BadRow},
		{"a check", server("23514"), BadRow},
		{"a trigger's refusal", server("P0001"), BadRow},
		{"a trigger's own code", server("SHOP1"), BadRow},
		{"a view's check option", server("44000"), BadRow},
		{"a key too long for its index", server("54000"), BadRow},
		{"text that is no tsvector", server("42601"), BadRow},
		{"row-level security", &pgconn.PgError{Code: "42501", Routine: "ExecWithCheckOptions"}, BadRow},

		{"a deadlock", server("40P01"), Temporary},
		{"a serialization failure", server("40001"), Temporary},
		{"a lock timeout", server("55P03"), Temporary},
		{"a full disk", server("53100"), Temporary},
		{"no memory", server("53200"), Temporary},
		{"too many connections", server("53300"), Temporary},
		{"a statement timeout", during("57014", "COPY t, line 3"), Temporary},
		{"a read-only standby", server("25006"), Temporary},
		{"a failed disk", server("58030"), Temporary},

		{"a broken connection", server("08006"), Lost},
		{"a shutdown", server("57P01"), Lost},
		{"a crash", server("57P02"), Lost},
		{"a server that starts", server("57P03"), Lost},
		{"an idle transaction", server("25P03"), Lost},
		{"the end of a stream", io.ErrUnexpectedEOF, Lost},
		{"a refused connection", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, Lost},
		{"a name not found", &net.DNSError{IsNotFound: true}, Lost},

		{"a sequence at its end", &pgconn.PgError{Code: "2200H", Where: "COPY t, line 3", Routine: "nextval_internal"}, Operator},
		{"a privilege on a sequence", &pgconn.PgError{Code: "42501", Where: "COPY t, line 3", Routine: "nextval_internal"}, Operator},
		{"a missing partition", &pgconn.PgError{Code: "23514", Where: "COPY t, line 3", Routine: "ExecFindPartition"}, Operator},
		{"transaction numbers that run out", &pgconn.PgError{Code: "54000", Routine: "GetNewTransactionId"}, Operator},
		{"too many columns", server("54011"), Operator},
		{"a wrong password", server("28P01"), Operator},
		{"a database that is not there", server("3D000"), Operator},
		{"a table that is not there", server("42P01"), Operator},
		{"a privilege", server("42501"), Operator},
		{"a feature", server("0A000"), Operator},
		{"a statement of wrong syntax", &pgconn.PgError{Code: "42601", Position: 7}, Operator},
		{"an unknown authority", fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), Operator},
		{"our own", &OperatorError{"x"}, Operator},

		{"a function that a trigger lacks", during("42883", "PL/pgSQL function f() line 1 at PERFORM"), Unclear},
		{"an internal error", server("XX000"), Unclear},
		{"a foreign table", server("HV000"), Unclear},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, Classify(context.Background(), fmt.Errorf("somewhere: %w", c.err)))
		})
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	assert.Equal(t, Cancelled, Classify(stopped, server("57014")))
}

func TestTheLineAndColumnAreFoundInAnyLanguage(t *testing.T) {
	t.Parallel()
	type place struct {
		line   int
		column string
	}
	for where, want := range map[string]place{
		`COPY events, line 3`:                                        {3, ""},
		`COPY events, line 12, column price`:                         {12, "price"},
		`COPY events, line 12, column the price, in €`:               {12, "the price, in €"},
		`COPY events, line 7: "a	b"`:                                 {7, ""},
		`COPY events, Zeile 41, Spalte price`:                        {41, "price"},
		`COPY events, 行 5`:                                           {5, ""},
		"PL/pgSQL function f() line 3 at RAISE\nCOPY events, line 9": {9, ""},
		"COPY events, line 9, column v\nSQL statement":               {9, "v"},
		`COPY others, line 3`:                                        {},
		`SQL statement "COPY events, line 3"`:                        {},
		`COPY events`:                                                {},
		``:                                                           {},
	} {
		line, column := LineOf(where, "events")
		assert.Equal(t, want, place{line, column}, where)
	}
}
