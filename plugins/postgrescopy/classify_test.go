package postgrescopy

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

func TestErrorsAreJudgedByTheirCause(t *testing.T) {
	t.Parallel()
	server := serverError
	during := func(code, where string) error { return &pgconn.PgError{Code: code, Where: where} }
	cases := []struct {
		name string
		err  error
		want verdict
	}{
		{"a value out of range", server("22003"), verdictData},
		{"text that is no number", server("22P02"), verdictData},
		{"bytes that are no value", server("22P03"), verdictData},
		{"too few bytes for a value", during("08P01", "COPY t, line 3, column v"), verdictData},
		{"a null", server("23502"), verdictData},
		{"a foreign key", server("23503"), verdictData},
		{"a duplicate", server("23505"), verdictData},
		{"a check", server("23514"), verdictData},
		{"a trigger's refusal", server("P0001"), verdictData},
		{"a trigger's own code", server("SHOP1"), verdictData},
		{"a view's check option", server("44000"), verdictData},
		{"a key too long for its index", server("54000"), verdictData},
		{"text that is no tsvector", server("42601"), verdictData},
		{"row-level security", &pgconn.PgError{Code: "42501", Routine: "ExecWithCheckOptions"}, verdictData},

		{"a deadlock", server("40P01"), verdictTemporary},
		{"a serialization failure", server("40001"), verdictTemporary},
		{"a lock timeout", server("55P03"), verdictTemporary},
		{"a full disk", server("53100"), verdictTemporary},
		{"no memory", server("53200"), verdictTemporary},
		{"too many connections", server("53300"), verdictTemporary},
		{"a statement timeout", during("57014", "COPY t, line 3"), verdictTemporary},
		{"a read-only standby", server("25006"), verdictTemporary},
		{"a sequence at its end", during("2200H", "COPY t, line 3"), verdictTemporary},
		{"a failed disk", server("58030"), verdictTemporary},

		{"a broken connection", server("08006"), verdictLost},
		{"a shutdown", server("57P01"), verdictLost},
		{"a crash", server("57P02"), verdictLost},
		{"a server that starts", server("57P03"), verdictLost},
		{"an idle transaction", server("25P03"), verdictLost},
		{"the end of a stream", io.ErrUnexpectedEOF, verdictLost},
		{"a refused connection", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, verdictLost},
		{"a name not found", &net.DNSError{IsNotFound: true}, verdictLost},

		{"a wrong password", server("28P01"), verdictConfiguration},
		{"a database that is not there", server("3D000"), verdictConfiguration},
		{"a table that is not there", server("42P01"), verdictConfiguration},
		{"a privilege", server("42501"), verdictConfiguration},
		{"a feature", server("0A000"), verdictConfiguration},
		{"a statement of wrong syntax", &pgconn.PgError{Code: "42601", Position: 7}, verdictConfiguration},
		{"an unknown authority", fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), verdictConfiguration},
		{"our own", &configError{"x"}, verdictConfiguration},

		{"a function that a trigger lacks", during("42883", "PL/pgSQL function f() line 1 at PERFORM"), verdictUnclear},
		{"an internal error", server("XX000"), verdictUnclear},
		{"a foreign table", server("HV000"), verdictUnclear},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, classify(context.Background(), fmt.Errorf("somewhere: %w", c.err)))
		})
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	assert.Equal(t, verdictCancelled, classify(stopped, server("57014")))
}

func TestTheLineAndColumnOfARowAreFoundInAnyLanguage(t *testing.T) {
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
		line, column := lineOf(where, "events")
		assert.Equal(t, want, place{line, column}, where)
	}
}
