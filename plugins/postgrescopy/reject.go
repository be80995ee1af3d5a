package postgrescopy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
)

// rejection says why a row cannot be stored.
type rejection struct {
	class   string // a word for the metrics' label: type, check, unique, …
	message string
}

// Error gives the reason, which may go into logs and tables, shortened.
func (r rejection) Error() string { return cutAt(r.message, 2*maxShown+200) }

// rejectionOf makes a rejection of whatever a row failed on.
func rejectionOf(err error) rejection {
	var known rejection
	if errors.As(err, &known) {
		return known
	}
	var value *pgvalue.ValueError
	if errors.As(err, &value) {
		return rejection{"type", value.Error()}
	}
	return rejection{"message", err.Error()}
}

// fault is what the server said of a row.
type fault struct {
	code, message, detail string
	column                string // that it named in its context, if any
}

func faultOf(pgErr *pgconn.PgError, column string) fault {
	return fault{pgErr.Code, pgErr.Message, pgErr.Detail, column}
}

// rejection makes a rejection of it, for rows of this shape.
func (f fault) rejection(s *shape) rejection {
	message := shortened(f.message)
	if f.detail != "" && showsDetail(f.code) {
		message += ": " + shortened(strings.TrimSuffix(f.detail, "."))
	}
	return rejection{rejectionClass(f.code), fmt.Sprintf("%s%s (SQLSTATE %s)", s.whichColumn(f), message, f.code)}
}

// whichColumn names the column that a value does not fit, where the server's
// message does not: it tells the type at most, when it casts a text or looks at
// a domain.
func (s *shape) whichColumn(f fault) string {
	var named, cast []shapeColumn
	for _, c := range s.columns {
		switch {
		case f.column != "" && c.name == f.column,
			f.column == "" && c.domain && mentions(f.message, c.typ),
			f.column == "" && c.castType != "" && mentions(f.message, c.castType):
			named = append(named, c)
		case f.column == "" && c.castType != "" && notRead[f.code]:
			cast = append(cast, c)
		}
	}
	if len(named) == 0 {
		named = cast
	}
	columns := make([]string, len(named))
	for i, c := range named {
		columns[i] = strconv.Quote(c.name) + " " + c.typ
	}
	if len(columns) == 0 {
		return ""
	}
	return "column " + strings.Join(columns, " or ") + ": "
}

// notRead are the codes for a text that is no value of a type.
var notRead = map[string]bool{"22P02": true, "2200M": true, "2200N": true, "42601": true}

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

// maxShown bounds what is repeated of a message of the server, which may hold
// the whole of a value.
const maxShown = 400

func shortened(s string) string { return cutAt(s, maxShown) }

func cutAt(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// showsDetail keeps out details that repeat the whole row.
func showsDetail(code string) bool {
	switch code {
	case "23503", "23505", "23P01", "22P02":
		return true
	}
	return false
}

func rejectionClass(code string) string {
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
