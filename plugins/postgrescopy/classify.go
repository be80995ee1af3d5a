package postgrescopy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// verdict says whose fault an error is, and so what is to be done about it.
type verdict int

const (
	// verdictCancelled: the pipeline is stopping. Give up at once.
	verdictCancelled verdict = iota
	// verdictLost: there is no connection, or there is none to be had. Nothing
	// is known of a COMMIT that was under way. Reconnect and send again.
	verdictLost
	// verdictTemporary: the server could not do it now. Try again after a while.
	verdictTemporary
	// verdictConfiguration: a person must change the table, a privilege or the
	// configuration. Say so, and try again slowly.
	verdictConfiguration
	// verdictData: a row cannot be stored as it is. Reject it.
	verdictData
	// verdictUnclear: the code is used for rows at fault and for servers in
	// trouble. Whether other rows can be stored at the same time decides.
	verdictUnclear
)

// The verdict on each SQLSTATE, by its whole code or else by its class, the
// first two characters. https://www.postgresql.org/docs/current/errcodes-appendix.html
//
// This is the one place where errors are judged. Two rules stand behind it:
// nothing that passes by itself may cost a row, and nothing that is the row's
// own fault may be tried for ever. Codes that are not listed (raised by
// triggers, as a rule) are data.
var verdicts = map[string]verdict{
	// Connections: refused, lost, or at their end.
	"08":    verdictLost,
	"57P01": verdictLost, // admin_shutdown, also pg_terminate_backend
	"57P02": verdictLost, // crash_shutdown
	"57P03": verdictLost, // cannot_connect_now: starting up, recovering
	"57P04": verdictConfiguration,
	"57P05": verdictLost, // idle_session_timeout
	"25P03": verdictLost, // idle_in_transaction_session_timeout
	"25P04": verdictLost, // transaction_timeout

	// Another transaction stood in the way; this one was rolled back.
	"40": verdictTemporary,
	"55": verdictTemporary, // lock_not_available, object_in_use
	"72": verdictTemporary, // snapshot_too_old

	// The server is short of something: disk, memory, connections.
	"53": verdictTemporary,
	"58": verdictTemporary, // system errors: I/O, missing files
	// 57014 is a statement timeout or a cancellation by a person. pgx reports
	// the failure of a value's encoder during COPY by the same code, but every
	// value was encoded before anything was sent.
	"57": verdictTemporary,
	"25": verdictTemporary, // 25006 read_only_sql_transaction: a standby
	"26": verdictTemporary, // statement or cursor gone: a pooler in between
	"34": verdictTemporary,
	"3B": verdictTemporary, // savepoint gone
	// A sequence that is at its end is for a person, but no row's fault, and a
	// batch may be in the midst of it.
	"2200H": verdictTemporary,

	// A person must act.
	"0A":    verdictConfiguration, // feature_not_supported
	"28":    verdictConfiguration, // wrong user or password, pg_hba.conf
	"3D":    verdictConfiguration, // no such database
	"3F":    verdictConfiguration, // no such schema
	"42":    verdictConfiguration, // no such table, column, privilege
	"F0":    verdictConfiguration, // configuration file
	"42501": verdictConfiguration, // insufficient_privilege; row-level security: see classify
	"42601": verdictData,          // syntax_error, of a tsvector or ltree; of a statement: see classify
	"44":    verdictData,          // WITH CHECK OPTION of a view
	"54":    verdictData,          // index row or row too big
	"55000": verdictUnclear,       // object_not_in_prerequisite_state

	// What went wrong cannot be told from the code alone.
	"HV": verdictUnclear, // foreign tables
	"XX": verdictUnclear, // internal_error, data_corrupted
}

// classify gives the verdict on an error of the database or of the way to it.
func classify(ctx context.Context, err error) verdict {
	if ctx.Err() != nil {
		return verdictCancelled
	}
	var fault *configError
	var missing *errNoTable
	if errors.As(err, &fault) || errors.As(err, &missing) {
		return verdictConfiguration
	}
	var unclear *unclearError
	if errors.As(err, &unclear) {
		return verdictOf(unclear.code)
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return classifyNetwork(err)
	}
	if pgErr.Code == "42501" && isRowSecurity(pgErr) {
		return verdictData
	}
	if pgErr.Code == "08P01" && pgErr.Where != "" {
		return verdictData // a value of too few bytes, not a message
	}
	if pgErr.Code == "42601" && (pgErr.Position != 0 || pgErr.InternalPosition != 0) {
		return verdictConfiguration // it is a statement that has no such syntax, not a value
	}
	v := verdictOf(pgErr.Code)
	if v == verdictConfiguration && pgErr.Where != "" {
		// It came up while a row was dealt with, in a trigger's function, say, and
		// may hang on the row: a partition that is made by need cannot be.
		return verdictUnclear
	}
	return v
}

func verdictOf(code string) verdict {
	if v, ok := verdicts[code]; ok {
		return v
	}
	if len(code) >= 2 {
		if v, ok := verdicts[code[:2]]; ok {
			return v
		}
	}
	return verdictData
}

// isRowSecurity tells a row that a policy refuses from a privilege that the
// role lacks; both have the same code. The name of the server's function is not
// translated as its message is.
func isRowSecurity(pgErr *pgconn.PgError) bool {
	return pgErr.Routine == "ExecWithCheckOptions" || strings.Contains(pgErr.Message, "row-level security policy")
}

// classifyNetwork judges what did not come from a server: certificates are for
// a person to mend, everything else may pass.
func classifyNetwork(err error) verdict {
	var (
		unknownAuthority x509.UnknownAuthorityError
		hostname         x509.HostnameError
		invalid          x509.CertificateInvalidError
		verification     *tls.CertificateVerificationError
		parse            *pgconn.ParseConfigError
		dns              *net.DNSError
	)
	switch {
	case errors.As(err, &parse),
		errors.As(err, &unknownAuthority), errors.As(err, &hostname),
		errors.As(err, &invalid), errors.As(err, &verification):
		return verdictConfiguration
	case errors.As(err, &dns) && dns.IsNotFound:
		return verdictLost
	}
	return verdictLost
}

// configError is something that only a person can put right, in words that say
// how.
type configError struct{ message string }

func (e *configError) Error() string { return e.message }
