package conn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// transport is what an option of the DSN may change.
type transport struct {
	conn   *pgx.ConnConfig
	dialer *net.Dialer
	// unacknowledged is how long sent bytes may stay unacknowledged; 0: as the
	// system says.
	unacknowledged time.Duration
}

// option is an option of libpq 15 that pgx does not know, and would send to the
// server as a setting of the session, or a variable of the environment that it
// does not read. Every other option of libpq 15 is honoured by pgx.
type option struct {
	name string
	env  string // empty: there is none
	// apply honours the value, or returns why not and what to write instead.
	apply func(t *transport, value string) error
}

var options = []option{
	{"hostaddr", "PGHOSTADDR", refuse("write the address in `host`")},
	{"client_encoding", "PGCLIENTENCODING", accept("values are always sent in UTF-8: remove it", "auto", "utf8", "utf-8", "unicode")},
	{"datestyle", "PGDATESTYLE", refuse("set `DateStyle` in the field `session`")},
	{"timezone", "PGTZ", accept("set `TimeZone` in the field `session`", "utc", "etc/utc", "gmt")},
	{"geqo", "PGGEQO", setting("geqo")},
	{"fallback_application_name", "", func(t *transport, value string) error {
		if t.conn.RuntimeParams["application_name"] == "" {
			t.conn.RuntimeParams["application_name"] = value
		}
		return nil
	}},
	{"keepalives", "", number(func(t *transport, n int) {
		if t.dialer.KeepAliveConfig.Enable = n != 0; n == 0 {
			t.dialer.KeepAlive = -1
		}
	})},
	{"keepalives_idle", "", number(func(t *transport, n int) { t.dialer.KeepAliveConfig.Idle = orSystem(n) })},
	{"keepalives_interval", "", number(func(t *transport, n int) { t.dialer.KeepAliveConfig.Interval = orSystem(n) })},
	{"keepalives_count", "", number(func(t *transport, n int) {
		if t.dialer.KeepAliveConfig.Count = n; n <= 0 {
			t.dialer.KeepAliveConfig.Count = -1
		}
	})},
	{"tcp_user_timeout", "", number(func(t *transport, n int) { t.unacknowledged = time.Duration(max(n, 0)) * time.Millisecond })},
	{"ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", tlsVersion(func(c *tls.Config, v uint16) { c.MinVersion = v })},
	{"ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", tlsVersion(func(c *tls.Config, v uint16) { c.MaxVersion = v })},
	{"sslcompression", "PGSSLCOMPRESSION", accept("TLS is never compressed: remove it", "0")},
	{"requiressl", "PGREQUIRESSL", accept("write `sslmode=require`", "0")},
	{"sslcrl", "PGSSLCRL", refuse("revocation lists are not checked: remove it")},
	{"sslcrldir", "PGSSLCRLDIR", refuse("revocation lists are not checked: remove it")},
	{"requirepeer", "PGREQUIREPEER", refuse("the owner of a socket is not checked: remove it, or connect by TLS with `sslmode=verify-full`")},
	{"gssencmode", "PGGSSENCMODE", accept("GSSAPI is not built in: use TLS, with `sslmode=verify-full`", "disable", "prefer")},
	{"gsslib", "PGGSSLIB", refuse("GSSAPI is not built in: use a password or a certificate")},
	{"krbsrvname", "PGKRBSRVNAME", refuse("GSSAPI is not built in: use a password or a certificate")},
	{"replication", "", accept("a replication connection writes no rows: remove it", "false", "off", "no", "0")},
}

// pgxOptions are options of pgx that libpq does not have, and what to write instead.
var pgxOptions = map[string]string{
	"pool_max_conns":                "set `conn_max_open`",
	"pool_max_conn_lifetime":        "set `conn_max_life_time`",
	"pool_max_conn_idle_time":       "set `conn_max_idle_time`",
	"pool_min_conns":                onDemand,
	"pool_min_idle_conns":           onDemand,
	"pool_max_conn_lifetime_jitter": onDemand,
	"pool_health_check_period":      onDemand,
	"pool_ping_timeout":             onDemand,
	"statement_cache_capacity":      neverPrepared,
	"description_cache_capacity":    neverPrepared,
	"default_query_exec_mode":       neverPrepared,
}

const (
	onDemand      = "connections are made when they are needed: remove it"
	neverPrepared = "no statement is prepared under a name, so that poolers work: remove it"
)

// refusePgxOptions returns an error that names such an option of a DSN, if it has one.
func refusePgxOptions(dsn string) error {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil // which is reported when it is read
	}
	for _, name := range slices.Sorted(maps.Keys(config.RuntimeParams)) {
		if instead, ok := pgxOptions[name]; ok {
			return fmt.Errorf("`%s` cannot be honoured: %s", name, instead)
		}
	}
	return nil
}

// applyOptions honours the options that pgx does not know, or returns an error
// that names the one that cannot be honoured, and never its value. Those of the
// DSN and of the service file come before the environment's.
func applyOptions(t *transport) error {
	if t.conn.KerberosSrvName != "" { // pgx takes it out of the settings, but cannot use it
		t.conn.RuntimeParams["krbsrvname"] = t.conn.KerberosSrvName
	}
	for _, o := range options {
		value, found := t.conn.RuntimeParams[o.name]
		name := "`" + o.name + "`"
		delete(t.conn.RuntimeParams, o.name)
		if o.env != "" && (!found || value == os.Getenv(o.env)) {
			if value = os.Getenv(o.env); value != "" {
				name = "the environment variable " + o.env
			}
		}
		if value == "" {
			continue
		}
		if err := o.apply(t, value); err != nil {
			return fmt.Errorf("%s cannot be honoured: %w", name, err)
		}
	}
	return nil
}

func refuse(instead string) func(*transport, string) error { return accept(instead) }

// accept honours values that ask for what is done anyway.
func accept(instead string, values ...string) func(*transport, string) error {
	return func(_ *transport, value string) error {
		if slices.Contains(values, strings.ToLower(value)) {
			return nil
		}
		return errors.New(instead)
	}
}

// setting passes the value on as a setting of the session.
func setting(name string) func(*transport, string) error {
	return func(t *transport, value string) error {
		t.conn.RuntimeParams[name] = value
		return nil
	}
}

func number(set func(t *transport, n int)) func(*transport, string) error {
	return func(t *transport, value string) error {
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32)
		if err != nil {
			return errors.New("write an integer")
		}
		set(t, int(n))
		return nil
	}
}

// orSystem takes what is not positive for the system's own default, as libpq does.
func orSystem(seconds int) time.Duration {
	if seconds <= 0 {
		return -1
	}
	return time.Duration(seconds) * time.Second
}

func tlsVersion(set func(c *tls.Config, version uint16)) func(*transport, string) error {
	return func(t *transport, value string) error {
		versions := map[string]uint16{"tlsv1": tls.VersionTLS10, "tlsv1.1": tls.VersionTLS11, "tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13}
		version, ok := versions[strings.ToLower(value)]
		if !ok {
			return errors.New("write TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")
		}
		configs := []*tls.Config{t.conn.TLSConfig}
		for _, f := range t.conn.Fallbacks {
			configs = append(configs, f.TLSConfig)
		}
		for _, c := range configs {
			if c != nil {
				set(c, version)
			}
		}
		return nil
	}
}
