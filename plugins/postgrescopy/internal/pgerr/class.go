// Package pgerr classifies what goes wrong with PostgreSQL, and words it for
// people: whose fault an error is, and why a row is rejected.
package pgerr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Class is whose fault an error is, which decides what to do about it.
type Class int

const (
	// Cancelled means that the pipeline is stopping. Return at once.
	Cancelled Class = iota
	// Lost means that there is no connection. Nothing is known of a COMMIT that was under
	// way. Reconnect and send again.
	Lost
	// Temporary means that the server could not do it now. Try again after a while.
	Temporary
	// Operator means that a person must change the table, a privilege or the
	// configuration. Say so, and try again slowly.
	Operator
	// BadRow means that a row cannot be stored as it is. Reject it.
	BadRow
	// Unclear means that the code is used for bad rows and for servers in trouble.
	// Whether other rows can be stored at the same time decides.
	Unclear
)

// Retry reports whether the whole transaction is to be tried again, or given up,
// rather than searched for bad rows.
func (c Class) Retry() bool { return c == Temporary || c == Lost || c == Cancelled }

// The class of each SQLSTATE, by its whole code or else by its class, the first
// two characters. https://www.postgresql.org/docs/current/errcodes-appendix.html
//
// This is the one place where errors are classified, by one rule: a healthy row is
// never rejected, a bad row never stops the stream, and what an operator must fix
// is logged and waited for. A code says what happened and not whose fault it is, so
// Classify looks at the other fields of an error too, and Unclear ones are decided
// by what happens to the other rows of the batch. Codes that are not listed (raised
// by triggers, as a rule) are bad rows.
var classes = map[string]Class{
	// Connections: refused, lost, or at their end.
	"08":    Lost,
	"57P01": Lost, // admin_shutdown, also pg_terminate_backend
	"57P02": Lost, // crash_shutdown
	"57P03": Lost, // cannot_connect_now: starting up, recovering
	"57P04": Operator,
	"57P05": Lost, // idle_session_timeout
	"25P03": Lost, // idle_in_transaction_session_timeout
	"25P04": Lost, // transaction_timeout

	// Another transaction stood in the way; this one was rolled back.
	"40": Temporary,
	"55": Temporary, // lock_not_available, object_in_use
	"72": Temporary, // snapshot_too_old

	// The server is short of something: disk, memory, connections.
	"53": Temporary,
	"58": Temporary, // system errors: I/O, missing files
	// 57014 is a statement timeout or a cancellation by a person. pgx reports
	// the failure of a value's encoder during COPY by the same code, but every
	// value was encoded before anything was sent.
	"57": Temporary,
	"25": Temporary, // 25006 read_only_sql_transaction: a standby
	"26": Temporary, // statement or cursor gone: a pooler in between
	"34": Temporary,
	"3B": Temporary, // savepoint gone
	// An operator must act.
	"0A":    Operator, // feature_not_supported
	"28":    Operator, // wrong user or password, pg_hba.conf
	"3D":    Operator, // no such database
	"3F":    Operator, // no such schema
	"42":    Operator, // no such table, column, privilege
	"F0":    Operator, // configuration file
	"2200H": Operator, // sequence_generator_limit_exceeded
	"54011": Operator, // too_many_columns
	"54023": Operator, // too_many_arguments
	"42501": Operator, // insufficient_privilege; row-level security: see Classify
	"42601": BadRow,   // syntax_error, of a tsvector or ltree; of a statement: see Classify
	"44":    BadRow,   // WITH CHECK OPTION of a view
	"54":    BadRow,   // index row or row too big
	"55000": Unclear,  // object_not_in_prerequisite_state

	// The code alone does not show what went wrong.
	"HV": Unclear, // foreign tables
	"XX": Unclear, // internal_error, data_corrupted
}

// Classify returns the class of an error of the database or of the way to it.
func Classify(ctx context.Context, err error) Class {
	if ctx.Err() != nil {
		return Cancelled
	}
	var operator *OperatorError
	if errors.As(err, &operator) {
		return Operator
	}
	var unclear *UnclearError
	if errors.As(err, &unclear) {
		return aliveClass(ClassOf(unclear.Code))
	}
	pgErr, ok := As(err)
	if !ok {
		return classifyNetwork(err)
	}
	if class, ok := classByRoutine(pgErr); ok {
		return class
	}
	class := ClassOf(pgErr.Code)
	if Raised(err) {
		class = aliveClass(class)
	}
	if class == Operator && pgErr.Where != "" {
		// It came up while a row was being stored, in a trigger's function, say, and
		// may depend on the row: a partition that is created on demand cannot be.
		return Unclear
	}
	return class
}

// Raised reports whether a PL/pgSQL function raised the error, rather than the server
// itself: it may depend on the row then, whatever its code, and the connection lives.
func Raised(err error) bool {
	pgErr, ok := As(err)
	return ok && pgErr.Routine == "exec_stmt_raise"
}

// aliveClass is the class of an error after which the connection lives.
func aliveClass(c Class) Class {
	if c == Lost {
		return Temporary
	}
	return c
}

// ClassOf returns the class of a SQLSTATE.
func ClassOf(code string) Class {
	if c, ok := classes[code]; ok {
		return c
	}
	if len(code) >= 2 {
		if c, ok := classes[code[:2]]; ok {
			return c
		}
	}
	return BadRow
}

// classByRoutine distinguishes causes that have the same code, by the name of the
// server's function, which is not translated as its message is, and by what else
// the error has.
func classByRoutine(pgErr *pgconn.PgError) (Class, bool) {
	switch pgErr.Code {
	case "42501": // a policy that refuses a row, or a privilege that the role lacks
		if pgErr.Routine == "ExecWithCheckOptions" || strings.Contains(pgErr.Message, "row-level security policy") {
			return BadRow, true
		}
		return Operator, pgErr.Routine == "nextval_internal"
	case "2200H":
		return Operator, pgErr.Routine == "nextval_internal"
	case "23514": // a check, or a partition that is missing
		return Operator, pgErr.Routine == "ExecFindPartition"
	case "54000": // a row that is too large, or transaction numbers that run out
		return Operator, strings.HasPrefix(pgErr.Routine, "GetNew") || strings.HasPrefix(pgErr.Routine, "MultiXact")
	case "08P01": // a value of too few bytes, or a message
		return BadRow, pgErr.Where != ""
	case "42601": // a value of wrong syntax, or a statement
		return Operator, pgErr.Position != 0 || pgErr.InternalPosition != 0
	}
	return 0, false
}

// Ambiguous reports whether more than the code and the texts of an error must be
// known to classify it.
func (e RowError) Ambiguous() bool {
	switch {
	case e.Code == "23514":
		return e.Constraint == ""
	case strings.HasPrefix(e.Code, "54"), e.Code == "22003":
		return true
	}
	return ClassOf(e.Code) != BadRow
}

// classifyNetwork classifies what did not come from a server: certificates need
// an operator, everything else may pass.
func classifyNetwork(err error) Class {
	var (
		unknownAuthority x509.UnknownAuthorityError
		hostname         x509.HostnameError
		invalid          x509.CertificateInvalidError
		verification     *tls.CertificateVerificationError
		parse            *pgconn.ParseConfigError
	)
	if errors.As(err, &parse) ||
		errors.As(err, &unknownAuthority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &verification) {
		return Operator
	}
	return Lost
}

// RetryCondition is an SQL condition on SQLSTATE that holds for the classes
// after which the whole transaction is tried again.
var RetryCondition = sqlCondition(Class.Retry)

// sqlCondition returns an SQL condition on SQLSTATE that holds for the listed
// codes with such a class.
func sqlCondition(want func(Class) bool) string {
	var codes, groups, except []string
	for code, class := range classes {
		switch {
		case len(code) == 2 && want(class):
			groups = append(groups, sqltext.Literal(code))
		case len(code) == 5 && want(class):
			codes = append(codes, sqltext.Literal(code))
		case len(code) == 5:
			except = append(except, sqltext.Literal(code))
		}
	}
	for _, list := range [][]string{codes, groups, except} {
		slices.Sort(list)
	}
	return "(SQLSTATE IN (" + strings.Join(codes, ", ") + ") OR left(SQLSTATE, 2) IN (" + strings.Join(groups, ", ") +
		") AND SQLSTATE NOT IN (" + strings.Join(except, ", ") + "))"
}
