package pgerr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Rejection is the reason why a row cannot be stored.
type Rejection struct {
	Kind    string // a word for the metrics' label: type, check, unique, …
	Message string
}

// Error returns the reason, which may go into logs and tables, shortened.
func (r Rejection) Error() string { return sqltext.Truncate(r.Message, 2*MaxShown+200) }

// RejectionOf makes a rejection of whatever a row failed on.
func RejectionOf(err error) Rejection {
	var known Rejection
	if errors.As(err, &known) {
		return known
	}
	var value *pgvalue.ValueError
	if errors.As(err, &value) {
		return Rejection{"type", value.Error()}
	}
	return Rejection{"message", err.Error()}
}

// RowError is what the server said of a row.
type RowError struct {
	Code, Message, Detail string
	Routine               string // of the server; empty if not known
	Constraint            string // that the row violates, if the server names it
	Column                string // that it named in its context, if any
}

// RowErrorOf takes a RowError out of a server's error.
func RowErrorOf(pgErr *pgconn.PgError, column string) RowError {
	return RowError{pgErr.Code, pgErr.Message, pgErr.Detail, pgErr.Routine, pgErr.ConstraintName, column}
}

// Column is a column of a rejected row, as errors speak of it.
type Column struct {
	Name     string
	Type     string
	CastType string // the type that the server casts its text to; empty: none
	Domain   bool
}

// Describe returns the error as a person should read it.
func (e RowError) Describe() string {
	return Describe(&pgconn.PgError{Code: e.Code, Message: e.Message, Detail: e.Detail, Routine: e.Routine})
}

// Rejection makes a rejection of it, for a row of these columns.
func (e RowError) Rejection(columns []Column) Rejection {
	message := Shorten(e.Message)
	if e.Detail != "" && showsDetail(e.Code) {
		message += ": " + Shorten(strings.TrimSuffix(e.Detail, "."))
	}
	return Rejection{kindOf(e.Code), fmt.Sprintf("%s%s (SQLSTATE %s)", e.whichColumn(columns), message, e.Code)}
}

// whichColumn names the column that a value does not fit, where the server's
// message does not: that has the type at most, when the server casts a text or
// checks a domain.
func (e RowError) whichColumn(columns []Column) string {
	var named, cast []Column
	for _, c := range columns {
		switch {
		case e.Column != "" && c.Name == e.Column,
			e.Column == "" && c.Domain && mentions(e.Message, c.Type),
			e.Column == "" && c.CastType != "" && mentions(e.Message, c.CastType):
			named = append(named, c)
		case e.Column == "" && c.CastType != "" && notRead[e.Code],
			e.Column == "" && e.Code == "22000" && strings.Contains(c.CastType, "range"): // crossed bounds
			cast = append(cast, c)
		}
	}
	if len(named) == 0 {
		named = cast
	}
	texts := make([]string, len(named))
	for i, c := range named {
		texts[i] = strconv.Quote(c.Name) + " " + c.Type
	}
	if len(texts) == 0 {
		return ""
	}
	return "column " + strings.Join(texts, " or ") + ": "
}

// notRead are the codes for a text that is no value of a type.
var notRead = map[string]bool{"22007": true, "22008": true, "22015": true, "22P02": true, "2200M": true, "2200N": true, "42601": true}

// mentions looks for a type's name as a word of a message in front of the value.
func mentions(message, typ string) bool {
	message, _, _ = strings.Cut(message, `: "`)
	for _, word := range []string{"type ", "domain "} {
		_, rest, found := strings.Cut(message, word+typ)
		if found && (rest == "" || rest[0] == ' ' || rest[0] == ':') {
			return true
		}
	}
	return false
}

// MaxShown bounds, in bytes, what is repeated of a message of the server, which may hold
// the whole of a value.
const MaxShown = 400

// Shorten cuts s to MaxShown bytes.
func Shorten(s string) string { return sqltext.Truncate(s, MaxShown) }

// showsDetail keeps out details that repeat the whole row.
func showsDetail(code string) bool {
	switch code {
	case "23503", "23505", "23P01", "22P02":
		return true
	}
	return false
}

func kindOf(code string) string {
	switch code {
	case "23502":
		return "not_null"
	case "23503":
		return "foreign_key"
	case "23505":
		return "unique"
	case "23514":
		return "check"
	case "23P01":
		return "exclusion"
	case "42501", "44000":
		return "policy"
	case "P0001":
		return "trigger"
	}
	if strings.HasPrefix(code, "22") || code == "42601" {
		return "type"
	}
	return "other"
}
