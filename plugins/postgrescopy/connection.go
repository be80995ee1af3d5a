package postgrescopy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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
)

// connectionSettings are how connections are made and kept.
type connectionSettings struct {
	dsn              string
	tls              *tls.Config // nil: as the DSN says
	applicationName  string
	connectTimeout   time.Duration
	statementTimeout time.Duration     // 0: as the server says
	session          map[string]string // settings of every transaction

	maxOpen     int
	maxIdle     int           // 0: as many as are open
	maxIdleTime time.Duration // 0: for ever
	maxLifeTime time.Duration // 0: for ever
}

// poolConfig reads the DSN, the environment, the password file and the service
// file, as libpq does. Its errors tell no password.
func (c *connectionSettings) poolConfig() (*pgxpool.Config, error) {
	if strayAt.MatchString(c.dsn) {
		return nil, &configError{"the dsn cannot be used: there is an @ too many: percent-encode the special characters of the user, the password and the database's name (@ as %40, / as %2F)"}
	}
	config, err := pgxpool.ParseConfig(c.dsn)
	if err != nil {
		return nil, &configError{"the dsn cannot be used: " + withoutDSN(err, c.dsn)}
	}
	conn := config.ConnConfig
	if c.tls != nil {
		useTLS(conn, c.tls)
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = c.applicationName
	}
	// What values mean must not hang on the server's or the role's settings.
	conn.RuntimeParams["timezone"] = "UTC"
	conn.RuntimeParams["datestyle"] = "ISO, MDY"
	conn.RuntimeParams["client_encoding"] = "UTF8"
	// pgx gives none for one that is not set (by the DSN, the environment or the
	// service file), and for one that is set to wait for ever.
	if conn.ConnectTimeout == 0 && !noTimeout.MatchString(c.dsn) && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		conn.ConnectTimeout = max(c.connectTimeout, 0)
	}
	// Nothing is prepared under a name, for the sake of poolers.
	conn.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	conn.StatementCacheCapacity, conn.DescriptionCacheCapacity = 0, 0
	conn.DialFunc = newDialer().DialContext
	// A pipeline that stops has the server stop too, which otherwise would go on
	// with what it has received.
	conn.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 2 * time.Second}
	}
	conn.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}

	config.MaxConns = int32(c.maxOpen)
	config.MinConns, config.MinIdleConns = 0, 0
	config.MaxConnIdleTime = orForEver(c.maxIdleTime)
	config.MaxConnLifetime = orForEver(c.maxLifeTime)
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

// openPool makes a pool, which connects when it is first used.
func (c *connectionSettings) openPool(ctx context.Context) (pool *pgxpool.Pool, err error) {
	config, err := c.poolConfig()
	if err != nil {
		return nil, err
	}
	if c.maxIdle > 0 {
		config.AfterRelease = func(*pgx.Conn) bool { return pool.Stat().IdleConns() < int32(c.maxIdle) }
	}
	if pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("making a pool of connections: %w", err)
	}
	return pool, nil
}

// dial opens a connection beside the pool.
func (c *connectionSettings) dial(ctx context.Context) (*pgx.Conn, error) {
	config, err := c.poolConfig()
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

// settingsPrefix is put in front of every transaction. Settings are made there,
// and not when connecting, because a pooler in transaction mode hands each
// transaction another connection, and hands ours to others.
func (c *connectionSettings) settingsPrefix() string {
	var prefix strings.Builder
	set := func(name, value string) {
		prefix.WriteString("SET LOCAL " + quoteSetting(name) + " = " + quoteLiteral(value) + "; ")
	}
	if c.statementTimeout > 0 {
		set("statement_timeout", strconv.FormatInt(max(c.statementTimeout.Milliseconds(), 1), 10))
	}
	names := make([]string, 0, len(c.session))
	for name := range c.session {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		set(name, c.session[name])
	}
	return prefix.String()
}

// quoteSetting writes the name of a setting, which may have a dot in it.
func quoteSetting(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = quoteName(strings.ToLower(part))
	}
	return strings.Join(parts, ".")
}

// oldestServer is the oldest version that is supported, as server_version_num.
const oldestServer = 120000

// ledgerServer is the first version that has multiranges.
const ledgerServer = 140000

// checkVersion refuses servers that are too old.
func checkVersion(ctx context.Context, tx pgx.Tx, wantsLedger bool) error {
	var number int
	var name string
	const query = "SELECT pg_catalog.current_setting('server_version_num')::int, pg_catalog.current_setting('server_version')"
	if err := tx.QueryRow(ctx, query).Scan(&number, &name); err != nil {
		return fmt.Errorf("asking for the server's version: %w", err)
	}
	switch {
	case number < oldestServer:
		return &configError{fmt.Sprintf("the server runs PostgreSQL %s: postgres_copy needs PostgreSQL 12 or later", name)}
	case wantsLedger && number < ledgerServer:
		return &configError{fmt.Sprintf("the server runs PostgreSQL %s: exactly_once needs PostgreSQL 14 or later, which has multiranges: remove `exactly_once` or upgrade the server", name)}
	}
	return nil
}
