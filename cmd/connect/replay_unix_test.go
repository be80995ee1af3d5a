//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

// replayed is how many records TestKilledReplayStoresEachRecordOnce has.
const replayed = 3000

func TestKilledReplayStoresEachRecordOnce(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]string{
		"key":    "write_mode: ignore\n    primary_keys: [id]\n    init_statement: CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)",
		"ledger": "exactly_once: {channel: \"${! @csv_channel }\", offset_token: \"${! @csv_row }\"}\n    init_statement: CREATE TABLE IF NOT EXISTS orders (id bigint)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplayTest(t, mode)
			// As after a replay that was killed when all were rejected again and none was marked.
			r.fails("replay", "-c", "wrong.yaml")
			_, err := r.conn.Exec(t.Context(), "UPDATE rejected_events SET replayed_at = NULL")
			require.NoError(t, err)
			require.Equal(t, 2*replayed, r.count("SELECT count(*) FROM rejected_events"))
			for round := range 8 {
				r.killed(round)
			}
			require.NoError(t, r.connect("replay", "-c", "right.yaml").Run(), "the report:\n%s", r.output)
			require.Equal(t, replayed, r.count("SELECT count(*) FROM orders"))
			require.Equal(t, replayed, r.count("SELECT count(DISTINCT id) FROM orders"))
			require.Equal(t, 2*replayed, r.count("SELECT count(replayed_at) FROM rejected_events"))
		})
	}
}

// replayTest is a folder with a pipeline, and a database that has its rejected records.
type replayTest struct {
	t      *testing.T
	folder string
	dsn    string
	conn   *pgx.Conn
	output *bytes.Buffer // of the newest command
}

func newReplayTest(t *testing.T, mode string) *replayTest {
	r := &replayTest{t: t, folder: t.TempDir(), dsn: postgrestest.NewDatabase(t)}
	var err error
	r.conn, err = pgx.Connect(t.Context(), r.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.conn.Close(context.Background()) })
	schema, err := filepath.Abs("../../sql/002_rejected_events.sql")
	require.NoError(t, err)
	for file, mapping := range map[string]string{"wrong.yaml": `throw("not yet")`, "right.yaml": "this"} {
		r.write(file, fmt.Sprintf(`
input:
  csv_watch: {paths: [orders.csv], checkpoint_dir: state}
pipeline:
  processors: [{mapping: 'root = %s'}]
output:
  postgres_copy:
    dsn: ${POSTGRES_DSN}
    table: orders
    rejects: {table: rejected_events}
    init_files: [%s]
    %s
`, mapping, schema, mode))
	}
	lines := []string{"id"}
	for id := range replayed {
		lines = append(lines, fmt.Sprint(id))
	}
	r.write("orders.csv", strings.Join(lines, "\n")+"\n")
	r.fails("load", "-c", "wrong.yaml")
	require.Equal(t, replayed, r.count("SELECT count(*) FROM rejected_events"))
	return r
}

func (r *replayTest) write(name, content string) {
	require.NoError(r.t, os.WriteFile(filepath.Join(r.folder, name), []byte(content), 0o600))
}

// fails runs a command that has every record rejected.
func (r *replayTest) fails(args ...string) {
	var exit *exec.ExitError
	require.ErrorAs(r.t, r.connect(args...).Run(), &exit)
	require.Equal(r.t, 1, exit.ExitCode(), "the report:\n%s", r.output)
}

// connect returns a command of the program.
func (r *replayTest) connect(args ...string) *exec.Cmd {
	program, err := os.Executable()
	require.NoError(r.t, err)
	r.output = &bytes.Buffer{}
	return &exec.Cmd{
		Path: program, Args: append([]string{"connect"}, args...), Dir: r.folder, Stdout: r.output, Stderr: r.output,
		Env: append(os.Environ(), "POSTGRES_DSN="+r.dsn),
	}
}

func (r *replayTest) count(query string) (n int) {
	require.NoError(r.t, r.conn.QueryRow(r.t.Context(), query).Scan(&n))
	return n
}

// killed runs a replay and kills it: in every other round when it has stored records and is about to mark them, which are
// sent again then, and else once it has marked some.
func (r *replayTest) killed(round int) {
	progress := "SELECT count(replayed_at) FROM rejected_events"
	aim := r.count(progress) + 1 + rand.IntN(300)
	if round%2 == 0 {
		lock, err := r.conn.Begin(r.t.Context())
		require.NoError(r.t, err)
		defer func() { require.NoError(r.t, lock.Rollback(context.Background())) }()
		_, err = lock.Exec(r.t.Context(), "LOCK TABLE rejected_events IN SHARE MODE")
		require.NoError(r.t, err)
		progress = `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'rejected_events'::regclass AND mode = 'RowExclusiveLock'`
		aim = 1
	}
	cmd := r.connect("replay", "-c", "right.yaml")
	require.NoError(r.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		select {
		case err := <-ended:
			require.NoError(r.t, err, "the report:\n%s", r.output)
			return // all that was left fitted in
		default:
		}
		if r.count(progress) >= aim {
			require.NoError(r.t, cmd.Process.Kill())
			<-ended
			return
		}
	}
	_ = cmd.Process.Signal(syscall.SIGQUIT) // shows what it waits for
	<-ended
	r.t.Fatalf("no progress:\n%s", r.output)
}
