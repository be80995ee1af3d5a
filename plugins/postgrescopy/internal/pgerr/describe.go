package pgerr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// OperatorError is something that only a person can put right, in words that say
// how.
type OperatorError struct{ Message string }

func (e *OperatorError) Error() string { return e.Message }

// Operatorf returns an OperatorError.
func Operatorf(format string, args ...any) *OperatorError {
	return &OperatorError{fmt.Sprintf(format, args...)}
}

// UnclearError is a failure of every row of a batch, from which follows nothing
// about the rows.
type UnclearError struct{ Code, Message string }

func (e *UnclearError) Error() string {
	return fmt.Sprintf("%s (SQLSTATE %s)", Shorten(e.Message), e.Code)
}

// As returns what the server said in err, if it said something.
func As(err error) (*pgconn.PgError, bool) {
	var pgErr *pgconn.PgError
	ok := errors.As(err, &pgErr)
	return pgErr, ok
}

// Is reports whether the server said this SQLSTATE in err.
func Is(err error, code string) bool {
	pgErr, ok := As(err)
	return ok && pgErr.Code == code
}

// Describe returns err as a person should read it, in one line and without the
// values of a row.
func Describe(err error) string {
	var operator *OperatorError
	if errors.As(err, &operator) {
		return operator.Message
	}
	pgErr, ok := As(err)
	if !ok {
		return inOneLine(err, err.Error())
	}
	text := Shorten(pgErr.Message)
	if pgErr.Detail != "" && (showsDetail(pgErr.Code) || pgErr.Routine == "ExecFindPartition") {
		text += ": " + Shorten(pgErr.Detail)
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
