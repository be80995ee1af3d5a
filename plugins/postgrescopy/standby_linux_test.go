package postgrescopy

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

// standby is a physical standby of a server.
type standby struct {
	t         *testing.T
	bin, data string
	owner     *syscall.Credential
	dsn       string
}

// newStandby copies the server of db, and keeps for the copy what is written from
// then on. It is not started.
func newStandby(t *testing.T, db *testDB) *standby {
	t.Helper()
	exe, err := os.Readlink("/proc/" + db.value("SELECT pg_backend_pid()") + "/exe")
	require.NoError(t, err)
	data := db.value("SHOW data_directory")
	info, err := os.Stat(data)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	s := &standby{t: t, bin: filepath.Dir(exe), data: filepath.Join(filepath.Dir(data), "standby")}
	if os.Getuid() == 0 {
		s.owner = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	}
	if _, err := os.Stat(filepath.Join(s.bin, "pg_basebackup")); os.IsNotExist(err) {
		t.Skip("this server has no pg_basebackup: downloaded servers have only what a server needs")
	}
	db.exec("SELECT pg_create_physical_replication_slot('standby', true)")
	s.run("pg_basebackup", "--pgdata="+s.data, "--dbname="+db.dsn, "--checkpoint=fast", "--write-recovery-conf", "--slot=standby", "--no-sync")
	return s
}

func (s *standby) run(tool string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, tool), args...)
	cmd.Dir, cmd.Env = filepath.Dir(s.data), []string{"LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	log := filepath.Join(s.t.TempDir(), "log") // the server keeps what it inherits open
	out, err := os.Create(log)
	require.NoError(s.t, err)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log)
		s.t.Fatalf("%s: %v: %s", tool, err, text)
	}
	require.NoError(s.t, out.Close())
}

// start starts the standby on a port of its own.
func (s *standby) start(primary string) {
	s.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(s.t, free.Close())
	s.run("pg_ctl", "start", "--wait", "--pgdata="+s.data, fmt.Sprintf("--options=-c port=%d -c unix_socket_directories=''", port))
	s.t.Cleanup(func() { s.run("pg_ctl", "stop", "--wait", "--mode=immediate", "--pgdata="+s.data) })
	u, err := url.Parse(primary)
	require.NoError(s.t, err)
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	s.dsn = u.String()
}

// promote makes a server of its own of it.
func (s *standby) promote() *testDB {
	s.t.Helper()
	s.run("pg_ctl", "promote", "--wait", "--pgdata="+s.data)
	return openTestDB(s.t, s.dsn)
}

// waiters is how many COMMITs of an application wait for a standby.
func (db *testDB) waiters(application string) string {
	return db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = '" + application + "'")
}

//promise:replay-is-durable
func TestWhatIsAcknowledgedIsOnTheStandby(t *testing.T) {
	t.Parallel()
	server := postgrestest.NewServer(t, nil)
	t.Cleanup(func() { assert.NoError(t, server.StopNow(context.Background())) }) // a clean stop would wait for the standby
	db := openTestDB(t, server.DSN())
	cases := map[string]struct{ table, yaml string }{
		"append_with_ledger": {"(v int)", onceYAML},
		"ignore":             {"(v int PRIMARY KEY)", "\nwrite_mode: ignore"},
		"ignore_staged":      {"(v int PRIMARY KEY, at interval)", "\nwrite_mode: ignore"},
		"upsert":             {"(v int PRIMARY KEY)", "\nwrite_mode: upsert"},
		"ignore_with_ledger": {"(v int PRIMARY KEY)", "\nwrite_mode: ignore" + onceYAML},
		"append":             {"(v int)", ""},
	}
	if !db.hasMultiranges() {
		delete(cases, "append_with_ledger")
		delete(cases, "ignore_with_ledger")
	}
	output := func(name string) *testOutput {
		return newTestOutput(t, db.dsn, "table: "+name+"\napplication_name: "+name+cases[name].yaml)
	}
	rows := values(1, 4)
	for name, c := range cases {
		db.exec("CREATE TABLE " + name + " " + c.table)
		output(name).connect() // makes the ledger
	}
	standby := newStandby(t, db)
	db.exec("ALTER SYSTEM SET synchronous_standby_names = '*'")
	db.exec("SELECT pg_reload_conf()")
	require.Eventually(t, func() bool { return db.value("SHOW synchronous_standby_names") == "*" }, patient, 5*time.Millisecond)

	// A pipeline is stopped while its COMMIT waits, and sends the rows again when it
	// starts; a COMMIT of append alone is cancelled by an administrator.
	acknowledged := make(chan string, len(cases))
	for name := range cases {
		write := func(ctx context.Context, o *testOutput) error {
			batch := numbered("c", 0, rows...)
			if name == "ignore_staged" {
				for _, m := range batch {
					row, err := m.AsStructuredMut()
					require.NoError(t, err)
					row.(map[string]any)["at"] = "1 day"
				}
			}
			return o.WriteBatch(ctx, batch)
		}
		waits := func() bool { return db.waiters(name) == "1" }
		first := output(name)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		first.connect()
		stopped := make(chan error, 1)
		go func() { stopped <- write(ctx, first) }()
		require.Eventually(t, waits, patient, 5*time.Millisecond, name)
		if name == "append" {
			db.exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'append'")
			require.Eventually(t, func() bool { return waits() || len(stopped) > 0 }, patient, 5*time.Millisecond, name)
			require.Empty(t, stopped, "%s: acknowledged, though no standby has it", name)
			go func() {
				if <-stopped == nil {
					acknowledged <- name
				}
			}()
			continue
		}
		cancel()
		require.Error(t, <-stopped, name)
		require.Equal(t, "3", db.value("SELECT count(*) FROM "+name), "%s: it has committed locally", name)
		second := output(name)
		second.connect()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			if write(ctx, second) == nil {
				acknowledged <- name
			}
		}()
		require.Eventually(t, func() bool { return waits() || len(acknowledged) > 0 }, patient, 5*time.Millisecond, name)
		require.Empty(t, acknowledged, "%s: acknowledged, though no standby has it", name)
	}

	standby.start(db.dsn)
	for range cases {
		select {
		case <-acknowledged:
		case <-time.After(patient):
			t.Fatal("what the standby has is not acknowledged")
		}
	}
	promoted := standby.promote()
	for name := range cases {
		assert.Equal(t, "3", promoted.value("SELECT count(*) FROM "+name), name)
	}
}
