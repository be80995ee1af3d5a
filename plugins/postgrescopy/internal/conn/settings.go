// Package conn makes and keeps connections to PostgreSQL: the pool and its
// settings, the scripts that are run when connecting, and trying again.
package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Settings are how connections are made and kept. They are not changed once a
// pool was opened.
type Settings struct {
	DSN              string
	TLS              *tls.Config // nil: as the DSN says
	ApplicationName  string
	ConnectTimeout   time.Duration     // 0: for ever
	StatementTimeout time.Duration     // 0: as the server says
	Session          map[string]string // settings of every transaction

	MaxOpen     int           // at least 1
	MaxIdle     int           // 0: as many as are open
	MaxIdleTime time.Duration // 0: for ever
	MaxLifeTime time.Duration // 0: for ever
}

// PoolConfig reads the DSN, the environment, the password file and the service
// file, as libpq does. What it cannot honour it refuses by name. Its errors have
// no password.
func (c *Settings) PoolConfig() (*pgxpool.Config, error) {
	if strayAt.MatchString(c.DSN) {
		return nil, &pgerr.OperatorError{Message: "the dsn cannot be used: there is an @ too many: percent-encode the special characters of the user, the password and the database's name (@ as %40, / as %2F)"}
	}
	if err := refusePgxOptions(c.DSN); err != nil {
		return nil, pgerr.Operatorf("the dsn cannot be used: %v", err)
	}
	config, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, &pgerr.OperatorError{Message: "the dsn cannot be used: " + withoutDSN(err, c.DSN)}
	}
	conn := config.ConnConfig
	t := &transport{conn: conn, dialer: newDialer(), unacknowledged: deadAfter}
	if err := applyOptions(t); err != nil {
		return nil, pgerr.Operatorf("the dsn cannot be used: %v", err)
	}
	if c.TLS != nil {
		useTLS(conn, c.TLS)
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = c.ApplicationName
	}
	// What values mean must not hang on the server's or the role's settings.
	conn.RuntimeParams["timezone"] = "UTC"
	conn.RuntimeParams["datestyle"] = "ISO, MDY"
	conn.RuntimeParams["client_encoding"] = "UTF8"
	// pgx gives none for one that is not set (by the DSN, the environment or the
	// service file), and for one that is set to wait for ever.
	if conn.ConnectTimeout == 0 && !noTimeout.MatchString(c.DSN) && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		conn.ConnectTimeout = max(c.ConnectTimeout, 0)
	}
	// Nothing is prepared under a name, for the sake of poolers.
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	t.dialer.Control = limitUnacknowledged(t.unacknowledged)
	conn.DialFunc = t.dialer.DialContext
	// A pipeline that stops has the server stop too, which otherwise would go on
	// with what it has received.
	conn.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 2 * time.Second}
	}
	conn.OnNotice = noteUnreplicated

	config.MaxConns = int32(c.MaxOpen)
	config.MinConns, config.MinIdleConns = 0, 0
	config.MaxConnIdleTime = orForEver(c.MaxIdleTime)
	config.MaxConnLifetime = orForEver(c.MaxLifeTime)
	return config, nil
}

// noTimeout finds a DSN that asks to wait for ever.
var noTimeout = regexp.MustCompile(`(?:^|[?&\s])connect_timeout\s*=\s*'?0+(?:['&#\s]|$)`)

// strayAt finds a URL in which an @ or a slash of the password makes what follows
// it the host or the database's name, which errors tell.
var strayAt = regexp.MustCompile(`^postgres(?:ql)?://(?:[^@/?]*@[^/?]*@|[^/?#]*/[^?#]*@)`)

func orForEver(d time.Duration) time.Duration {
	if d <= 0 {
		return 100 * 365 * 24 * time.Hour
	}
	return d
}

// Dial opens a connection beside the pool.
func (c *Settings) Dial(ctx context.Context) (*pgx.Conn, error) {
	config, err := c.PoolConfig()
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, config.ConnConfig)
}

// useTLS has the connection and all its other hosts use the TLS of the
// configuration in place of what sslmode says.
func useTLS(conn *pgx.ConnConfig, base *tls.Config) {
	configFor := func(host string) *tls.Config {
		config := base.Clone()
		if config.ServerName == "" {
			config.ServerName = host
		}
		return config
	}
	conn.TLSConfig = configFor(conn.Host)
	var fallbacks []*pgconn.FallbackConfig
	for _, f := range conn.Fallbacks {
		same := func(g *pgconn.FallbackConfig) bool { return g.Host == f.Host && g.Port == f.Port }
		if (f.Host == conn.Host && f.Port == conn.Port) || slices.ContainsFunc(fallbacks, same) {
			continue // the same host without TLS, or with
		}
		f.TLSConfig = configFor(f.Host)
		fallbacks = append(fallbacks, f)
	}
	conn.Fallbacks = fallbacks
}

// withoutDSN is why a DSN could not be read, without what stands in it.
func withoutDSN(err error, dsn string) string {
	var parse *pgconn.ParseConfigError
	if !errors.As(err, &parse) {
		return "it cannot be read"
	}
	text := err.Error()
	if _, after, ok := strings.Cut(text, "`: "); ok {
		text = after
	}
	if cause := parse.Unwrap(); cause != nil && strings.HasPrefix(text, "failed to parse") {
		text, _, _ = strings.Cut(text, " (")
		return text + ": write it as postgres://user:password@host:port/database, with special characters of the password percent-encoded, or as key=value pairs"
	}
	return strings.ReplaceAll(text, dsn, "…")
}

// prefix is put in front of every transaction. Settings are made there,
// and not when connecting, because a pooler in transaction mode hands each
// transaction another connection, and hands ours to others.
func (c *Settings) prefix() string {
	var prefix strings.Builder
	set := func(name, value string) {
		prefix.WriteString("SET LOCAL " + quoteSetting(name) + " = " + sqltext.Literal(value) + "; ")
	}
	if c.StatementTimeout > 0 {
		set("statement_timeout", strconv.FormatInt(max(c.StatementTimeout.Milliseconds(), 1), 10))
	}
	names := make([]string, 0, len(c.Session))
	for name := range c.Session {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		set(name, c.Session[name])
	}
	return prefix.String()
}

// quoteSetting writes the name of a setting, which may have a dot in it.
func quoteSetting(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = sqltext.Quote(strings.ToLower(part))
	}
	return strings.Join(parts, ".")
}
