package postgrescopy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
)

// rejection says why a row cannot be stored.
type rejection struct {
	class   string // a word for the metrics' label: type, check, unique, …
	message string
}

func (r rejection) Error() string { return r.message }

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

// rejectedBy makes a rejection of what the server said of a row.
func rejectedBy(code, message, detail string) rejection {
	class := rejectionClass(code)
	if detail != "" && showsDetail(code) {
		message += ": " + strings.TrimSuffix(detail, ".")
	}
	return rejection{class, fmt.Sprintf("%s (SQLSTATE %s)", message, code)}
}

func rejectedByError(pgErr *pgconn.PgError) rejection {
	return rejectedBy(pgErr.Code, pgErr.Message, pgErr.Detail)
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
	if strings.HasPrefix(code, "22") {
		return "type"
	}
	return "other"
}
