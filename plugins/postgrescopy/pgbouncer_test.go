package postgrescopy

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// behindPgBouncer starts a PgBouncer in transaction mode in front of a
// database, with fewer connections to the server than it takes from clients.
func behindPgBouncer(t *testing.T, dsn string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !fileExists(program) {
			t.Skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
		}
	}
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	password, _ := u.User.Password()
	dir, err := os.MkdirTemp("", "pgbouncer")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())

	users, config := filepath.Join(dir, "users.txt"), filepath.Join(dir, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", u.User.Username(), password), 0o644))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 2
server_tls_sslmode = disable
unix_socket_dir =
`, u.Hostname(), u.Port(), port, users), 0o644))
	require.NoError(t, os.Chmod(dir, 0o755))

	args := []string{config}
	if os.Getuid() == 0 { // it refuses to run as root
		args = []string{"-u", unprivileged(t), config}
	}
	cmd := exec.Command(program, args...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	for {
		bouncer, err := pgx.Connect(ctx, u.String())
		if err == nil {
			require.NoError(t, bouncer.Close(ctx))
			return u.String()
		}
		require.NoError(t, conn.Sleep(ctx, 100*time.Millisecond), "pgbouncer does not answer: %v", err)
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func unprivileged(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		if _, err := user.Lookup(name); err == nil {
			return name
		}
	}
	t.Skip("there is no user to run pgbouncer as")
	return ""
}

func TestPgBouncerInTransactionModeMayStandInBetween(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE k (id int8 PRIMARY KEY, v text CHECK (v <> 'bad'), w text DEFAULT current_setting('synchronous_commit'))`)
	dsn := behindPgBouncer(t, db.dsn)
	settings := "\nmax_in_flight: 6\nsession: { synchronous_commit: \"off\", lock_timeout: 30s }\nstatement_timeout: 30s\n"
	outputs := []*testOutput{}
	for _, yaml := range []string{"write_mode: ignore", "write_mode: upsert", "write_mode: ignore" + onceYAML} {
		o := newTestOutput(t, dsn, "table: k\n"+yaml+settings)
		o.connect()
		outputs = append(outputs, o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	var wg sync.WaitGroup
	errs := make(chan error, 1000)
	for n, o := range outputs {
		for worker := range 3 {
			wg.Go(func() {
				for round := range 8 {
					rows := []fields{}
					for i := range 60 {
						row := fields{"id": (i*17 + round*worker + n) % 200, "v": "good"}
						switch {
						case i%30 == 7:
							row = fields{"id": 5000 + i, "v": "bad"}
						case i%30 == 9:
							delete(row, "v")
						}
						rows = append(rows, row)
					}
					rejected, err := o.send(ctx, numbered(fmt.Sprint(worker), 1000*round, rows...))
					if err == nil && len(rejected) != 2 {
						err = fmt.Errorf("rejected: %v", rejected)
					}
					if err != nil {
						errs <- err
					}
				}
			})
		}
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	assert.Equal(t, "200|off|off", db.value("SELECT count(*), min(w), max(w) FROM k"))
	assert.Equal(t, "0", db.value("SELECT count(*) FROM pg_prepared_statements"))
	for _, o := range outputs {
		assert.NotContains(t, o.log.String(), "level=WARN")
	}
}
