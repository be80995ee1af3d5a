package conn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// libpqOption is an option of libpq 15 (the list is that of PQconndefaults) and
// what becomes of a value.
type libpqOption struct {
	name, env string
	value     string
	with      [][2]string // other options, which it needs
	refusal   string      // empty: it is honoured
	honoured  func(t *transport) bool
}

func libpqOptions(t *testing.T) []libpqOption {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	passfile := filepath.Join(dir, "pgpass")
	require.NoError(t, os.WriteFile(passfile, []byte("*:*:*:*:from-passfile\n"), 0o600))
	param := func(name, want string) func(*transport) bool {
		return func(t *transport) bool { return t.conn.RuntimeParams[name] == want }
	}
	whatever := func(*transport) bool { return true }
	return []libpqOption{
		{"service", "PGSERVICE", "other", nil, "", func(t *transport) bool { return t.conn.Database == "from-service" }},
		{"user", "PGUSER", "writer", nil, "", func(t *transport) bool { return t.conn.User == "writer" }},
		{"password", "PGPASSWORD", "s3cret", nil, "", func(t *transport) bool { return t.conn.Password == "s3cret" }},
		{"passfile", "PGPASSFILE", passfile, nil, "", func(t *transport) bool { return t.conn.Password == "from-passfile" }},
		{"channel_binding", "PGCHANNELBINDING", "require", nil, "", func(t *transport) bool { return t.conn.ChannelBinding == "require" }},
		{"connect_timeout", "PGCONNECT_TIMEOUT", "7", nil, "", func(t *transport) bool { return t.conn.ConnectTimeout == 7*time.Second }},
		{"dbname", "PGDATABASE", "shop", nil, "", func(t *transport) bool { return t.conn.Database == "shop" }},
		{"host", "PGHOST", "db1,db2", nil, "", func(t *transport) bool {
			return t.conn.Host == "db1" && t.conn.Fallbacks[len(t.conn.Fallbacks)-1].Host == "db2"
		}},
		{"hostaddr", "PGHOSTADDR", "10.0.0.1", nil, "write the address in `host`", nil},
		{"port", "PGPORT", "6432", nil, "", func(t *transport) bool { return t.conn.Port == 6432 }},
		{"client_encoding", "PGCLIENTENCODING", "UTF8", nil, "", whatever},
		{"client_encoding", "PGCLIENTENCODING", "LATIN1", nil, "values are always sent in UTF-8: remove it", nil},
		{"options", "PGOPTIONS", "-c geqo=off", nil, "", param("options", "-c geqo=off")},
		{"application_name", "PGAPPNAME", "loader", nil, "", param("application_name", "loader")},
		{"fallback_application_name", "", "loader", nil, "", param("application_name", "loader")},
		{"fallback_application_name", "", "loader", [][2]string{{"application_name", "shop"}}, "", param("application_name", "shop")},
		{"keepalives", "", "0", nil, "", func(t *transport) bool { return !t.dialer.KeepAliveConfig.Enable && t.dialer.KeepAlive < 0 }},
		{"keepalives", "", "yes", nil, "write an integer", nil},
		{"keepalives_idle", "", "30", nil, "", func(t *transport) bool { return t.dialer.KeepAliveConfig.Idle == 30*time.Second }},
		{"keepalives_interval", "", "0", nil, "", func(t *transport) bool { return t.dialer.KeepAliveConfig.Interval < 0 }},
		{"keepalives_count", "", "3", nil, "", func(t *transport) bool { return t.dialer.KeepAliveConfig.Count == 3 }},
		{"tcp_user_timeout", "", "1500", nil, "", func(t *transport) bool { return t.unacknowledged == 1500*time.Millisecond }},
		{"sslmode", "PGSSLMODE", "verify-full", nil, "", func(t *transport) bool { return t.conn.TLSConfig.ServerName == "db" && len(t.conn.Fallbacks) == 0 }},
		{"sslcompression", "PGSSLCOMPRESSION", "0", nil, "", whatever},
		{"sslcompression", "PGSSLCOMPRESSION", "1", nil, "TLS is never compressed: remove it", nil},
		{"sslcert", "PGSSLCERT", cert, [][2]string{{"sslkey", key}}, "", func(t *transport) bool { return len(t.conn.TLSConfig.Certificates) == 1 }},
		{"sslkey", "PGSSLKEY", key, [][2]string{{"sslcert", cert}}, "", func(t *transport) bool { return len(t.conn.TLSConfig.Certificates) == 1 }},
		{"sslpassword", "", "s3cret", [][2]string{{"sslcert", cert}, {"sslkey", key}}, "", func(t *transport) bool { return len(t.conn.TLSConfig.Certificates) == 1 }},
		{"sslrootcert", "PGSSLROOTCERT", cert, nil, "", func(t *transport) bool { return t.conn.TLSConfig.RootCAs != nil }},
		{"sslcrl", "PGSSLCRL", "revoked.pem", nil, "revocation lists are not checked: remove it", nil},
		{"sslcrldir", "PGSSLCRLDIR", "revoked", nil, "revocation lists are not checked: remove it", nil},
		{"sslsni", "PGSSLSNI", "0", nil, "", func(t *transport) bool { return t.conn.TLSConfig.ServerName == "" }},
		{"requirepeer", "PGREQUIREPEER", "postgres", nil, "the owner of a socket is not checked: remove it, or connect by TLS with `sslmode=verify-full`", nil},
		{"ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", "TLSv1.3", nil, "", func(t *transport) bool { return t.conn.TLSConfig.MinVersion == tls.VersionTLS13 }},
		{"ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", "TLSv1.2", nil, "", func(t *transport) bool { return t.conn.TLSConfig.MaxVersion == tls.VersionTLS12 }},
		{"ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", "SSLv3", nil, "write TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3", nil},
		{"gssencmode", "PGGSSENCMODE", "prefer", nil, "", whatever},
		{"gssencmode", "PGGSSENCMODE", "require", nil, "GSSAPI is not built in: use TLS, with `sslmode=verify-full`", nil},
		{"krbsrvname", "PGKRBSRVNAME", "postgres", nil, "GSSAPI is not built in: use a password or a certificate", nil},
		{"gsslib", "PGGSSLIB", "gssapi", nil, "GSSAPI is not built in: use a password or a certificate", nil},
		{"replication", "", "off", nil, "", whatever},
		{"replication", "", "database", nil, "a replication connection writes no rows: remove it", nil},
		{"target_session_attrs", "PGTARGETSESSIONATTRS", "read-write", nil, "", func(t *transport) bool { return t.conn.ValidateConnect != nil }},
		// Variables of the environment that stand for settings of the session.
		{"datestyle", "PGDATESTYLE", "ISO, DMY", nil, "set `DateStyle` in the field `session`", nil},
		{"timezone", "PGTZ", "UTC", nil, "", whatever},
		{"timezone", "PGTZ", "Europe/Berlin", nil, "set `TimeZone` in the field `session`", nil},
		{"geqo", "PGGEQO", "off", nil, "", param("geqo", "off")},
		{"requiressl", "PGREQUIRESSL", "1", nil, "write `sslmode=require`", nil},
	}
}

func certificate(t *testing.T, dir string) (cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// ways are how an option can be given. Each returns the DSN.
var ways = map[string]func(t *testing.T, o libpqOption, services string) string{
	"URL": func(_ *testing.T, o libpqOption, _ string) string {
		query := url.Values{}
		for _, pair := range o.all() {
			query.Set(pair[0], pair[1])
		}
		return "postgres:///?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	},
	"keywords": func(_ *testing.T, o libpqOption, _ string) string {
		dsn := ""
		for _, pair := range o.all() {
			dsn += fmt.Sprintf("%s='%s' ", pair[0], pair[1])
		}
		return dsn
	},
	"service file": func(t *testing.T, o libpqOption, services string) string {
		text := "[this]\n"
		for _, pair := range o.all() {
			text += pair[0] + "=" + pair[1] + "\n"
		}
		require.NoError(t, os.WriteFile(services, []byte(text), 0o600))
		return "service=this"
	},
	"environment": func(t *testing.T, o libpqOption, _ string) string {
		t.Setenv(o.env, o.value)
		dsn := ""
		for _, pair := range o.all()[1:] {
			dsn += fmt.Sprintf("%s='%s' ", pair[0], pair[1])
		}
		return dsn
	},
}

// all returns the option and those that it needs.
func (o libpqOption) all() [][2]string {
	pairs := append([][2]string{{o.name, o.value}}, o.with...)
	if o.name != "host" {
		pairs = append(pairs, [2]string{"host", "db"})
	}
	return pairs
}

func TestEveryLibpqOptionIsHonouredOrRefused(t *testing.T) {
	for _, o := range libpqOptions(t) {
		for way, dsnOf := range ways {
			if way == "environment" && o.env == "" || way == "service file" && o.name == "service" {
				continue
			}
			t.Run(fmt.Sprintf("%s=%s by %s", o.name, filepath.Base(o.value), way), func(t *testing.T) {
				for _, known := range libpqOptions(t) {
					if known.env != "" {
						t.Setenv(known.env, "")
					}
				}
				services := filepath.Join(t.TempDir(), "services")
				require.NoError(t, os.WriteFile(services, []byte("[other]\ndbname=from-service\n"), 0o600))
				t.Setenv("PGSERVICEFILE", services)

				config, err := pgx.ParseConfig(dsnOf(t, o, services))
				require.NoError(t, err)
				got := &transport{conn: config, dialer: &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true}}}
				err = applyOptions(got)
				if o.refusal != "" {
					named := "`" + o.name + "`"
					if way == "environment" {
						named = "the environment variable " + o.env
					}
					require.EqualError(t, err, named+" cannot be honoured: "+o.refusal)
					return
				}
				require.NoError(t, err)
				assert.True(t, o.honoured(got))
				for name := range config.RuntimeParams {
					assert.Contains(t, []string{"options", "application_name", "geqo"}, name, "it would go to the server")
				}
			})
		}
	}
}

func TestAnOptionOfTheDSNComesBeforeTheEnvironment(t *testing.T) {
	t.Setenv("PGSSLCRL", "revoked.pem")
	t.Setenv("PGSSLMINPROTOCOLVERSION", "TLSv1.3")
	config, err := pgx.ParseConfig("host=db sslmode=require ssl_min_protocol_version=TLSv1.2")
	require.NoError(t, err)
	err = applyOptions(&transport{conn: config, dialer: &net.Dialer{}})
	require.EqualError(t, err, "the environment variable PGSSLCRL cannot be honoured: revocation lists are not checked: remove it")
	require.Equal(t, uint16(tls.VersionTLS12), config.TLSConfig.MinVersion)
}

func TestAnOptionOfPgxIsRefusedByName(t *testing.T) {
	t.Parallel()
	values := map[string]string{"default_query_exec_mode": "exec"}
	for name, instead := range pgxOptions {
		value := values[name]
		if value == "" {
			value = "5"
		}
		for _, dsn := range []string{"postgres://db/shop?" + name + "=" + value, "host=db " + name + "=" + value} {
			_, err := (&Settings{DSN: dsn, MaxOpen: 1}).PoolConfig()
			require.EqualError(t, err, "the dsn cannot be used: `"+name+"` cannot be honoured: "+instead)
		}
	}
	_, err := (&Settings{DSN: "host=db pool_max_conns=x", MaxOpen: 1}).PoolConfig()
	require.EqualError(t, err, "the dsn cannot be used: `pool_max_conns` cannot be honoured: set `conn_max_open`")
}
