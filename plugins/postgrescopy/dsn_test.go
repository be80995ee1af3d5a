package postgrescopy

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keywords writes a DSN in URL form as key=value pairs.
func keywords(t *testing.T, dsn string, leaveOut ...string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	password, _ := u.User.Password()
	pairs := [][2]string{
		{"host", u.Hostname()}, {"port", u.Port()}, {"user", u.User.Username()},
		{"password", password}, {"dbname", u.Path[1:]}, {"sslmode", "disable"},
	}
	out := ""
	for _, p := range pairs {
		if p[1] != "" && !slices.Contains(leaveOut, p[0]) {
			out += fmt.Sprintf("%s='%s' ", p[0], p[1])
		}
	}
	return out
}

func TestEveryFormOfDSNWorks(t *testing.T) {
	db := newTestDB(t, `CREATE TABLE v (v int)`)
	dsn, role := db.asRole()
	db.exec("GRANT INSERT ON v TO " + role)
	u, err := url.Parse(dsn)
	require.NoError(t, err)

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := closed.Addr().String()
	require.NoError(t, closed.Close())

	dir := t.TempDir()
	passFile := filepath.Join(dir, "pgpass")
	require.NoError(t, os.WriteFile(passFile, fmt.Appendf(nil, "%s:%s:*:%s:test\n", u.Hostname(), u.Port(), u.User.Username()), 0o600))
	serviceFile := filepath.Join(dir, "services")
	require.NoError(t, os.WriteFile(serviceFile, fmt.Appendf(nil, "[shop]\nhost=%s\nport=%s\ndbname=%s\nuser=%s\nsslmode=disable\n", u.Hostname(), u.Port(), u.Path[1:], u.User.Username()), 0o600))

	several := *u
	several.Host = nobody + "," + u.Host
	readWrite := several
	readWrite.RawQuery += "&target_session_attrs=read-write"

	cases := map[string]struct {
		dsn string
		env map[string]string
	}{
		"URL":                       {dsn, nil},
		"white space around it":     {" " + dsn + "\n", nil},
		"keywords":                  {keywords(t, dsn), nil},
		"password from environment": {keywords(t, dsn, "password"), map[string]string{"PGPASSWORD": "test"}},
		"password file":             {keywords(t, dsn, "password"), map[string]string{"PGPASSFILE": passFile}},
		"service file":              {"service=shop", map[string]string{"PGSERVICEFILE": serviceFile, "PGPASSWORD": "test"}},
		"all from environment": {"", map[string]string{
			"PGHOST": u.Hostname(), "PGPORT": u.Port(), "PGUSER": u.User.Username(), "PGPASSWORD": "test", "PGDATABASE": u.Path[1:], "PGSSLMODE": "disable",
		}},
		"several hosts":          {several.String(), nil},
		"the host that is to be": {readWrite.String(), nil},
	}
	n := 0
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			o := newTestOutput(t, c.dsn, "table: v")
			o.connect()
			assert.Empty(t, o.write(fields{"v": 1}))
			n++
			assert.Equal(t, fmt.Sprint(n), db.value("SELECT count(*) FROM v"))
		})
	}
}

func TestTheConnectTimeoutOfTheDSNComesFirst(t *testing.T) {
	serviceFile := filepath.Join(t.TempDir(), "services")
	require.NoError(t, os.WriteFile(serviceFile, []byte("[slow]\nhost=db\nconnect_timeout=77\n[shop]\nhost=db\n"), 0o600))
	t.Setenv("PGSERVICEFILE", serviceFile)
	cases := map[string]struct {
		dsn, yaml, env string
		want           time.Duration
	}{
		"nothing is said":                   {"postgres://db/shop", "", "", 10 * time.Second},
		"by the field":                      {"host=db", "connect_timeout: 3s", "", 3 * time.Second},
		"by the field, for ever":            {"host=db", "connect_timeout: 0s", "", 0},
		"by the URL":                        {"postgres://db/shop?connect_timeout=99", "", "", 99 * time.Second},
		"by the URL and the field":          {"postgres://db/shop?sslmode=disable&connect_timeout=2", "connect_timeout: 3s", "", 2 * time.Second},
		"by the URL, for ever":              {"postgres://db/shop?connect_timeout=0&sslmode=disable", "", "", 0},
		"by a keyword":                      {"host=db connect_timeout = 99", "", "", 99 * time.Second},
		"by a keyword, for ever":            {"host=db connect_timeout='0' user=x", "", "", 0},
		"by a keyword that is none":         {"host=db password='connect_timeout'", "", "", 10 * time.Second},
		"by the service file":               {"service=slow", "", "", 77 * time.Second},
		"not by the service file":           {"service=shop", "", "", 10 * time.Second},
		"by the environment":                {"host=db", "", "44", 44 * time.Second},
		"by the environment, for ever":      {"host=db", "", "0", 0},
		"by the URL and by the environment": {"postgres://db/shop?connect_timeout=99", "", "44", 99 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PGCONNECT_TIMEOUT", c.env)
			config, err := newTestOutput(t, c.dsn, "table: t\n"+c.yaml).conf.connection.PoolConfig()
			require.NoError(t, err)
			assert.Equal(t, c.want, config.ConnConfig.ConnectTimeout)
		})
	}
}
