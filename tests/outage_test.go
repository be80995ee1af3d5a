package tests

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres"
	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

// newSiteOfItsOwn returns a site with a server of its own, which the test may stop.
func newSiteOfItsOwn(t testing.TB) (*site, *postgres.Server) {
	t.Helper()
	// Without fsync, a crash of the server loses nothing; only a crash of the machine
	// would.
	server := postgrestest.NewServer(t, map[string]string{"fsync": "off"})
	dsn, _, err := server.CreateDatabase(t.Context())
	require.NoError(t, err)
	return newSiteAt(t, dsn), server
}

func TestReadingPausesUntilTheDatabaseStarts(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	s, server := newSiteOfItsOwn(t)
	require.NoError(t, server.StopNow(t.Context()))
	s.dropFile("a.csv", csvFile(0, rows))
	p := s.pipeline()

	p.awaitLine(`level=error .*connection refused`)
	requireSecret(t, p, s.dsn)
	require.Less(t, s.readWhilePaused(p), 0.5*rows, "rows pile up in memory")

	require.NoError(t, server.Restart(t.Context()))
	s.db.awaitStored(rows)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.requireCalm(4)
	p.terminate()
}

func TestADatabaseOutageIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, server := newSiteOfItsOwn(t)
	p := s.pipeline()
	g := s.generator("GENERATOR_INTERVAL=20ms", "GENERATOR_BATCH_SIZE=20", "GENERATOR_MALFORMED=0.01")
	for round := range 3 {
		s.db.awaitAtLeast(500 * (round + 1))
		complaints := len(p.complaints())
		require.NoError(t, server.StopNow(t.Context()))
		await(t, "a complaint", func() error {
			if len(p.complaints()) == complaints {
				return fmt.Errorf("the pipeline has not noticed")
			}
			return nil
		})
		require.NoError(t, server.Restart(t.Context()))
	}
	g.terminate()
	good, bad := s.sorted()
	s.db.awaitStored(len(good))
	s.db.awaitRejected(len(bad))
	requireSame(t, good, s.db.stored())
	for _, path := range s.files() {
		for _, r := range s.db.rejected(path) {
			require.Contains(t, bad, place{path, r.Row}, "a row was blamed for the outage: %+v", r)
		}
	}
	p.requireCalm(30)
	p.terminate()
}

func TestASlowDatabaseSlowsTheReading(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	s := newSite(t)
	s.db.makeTables()
	release := s.db.hold()
	s.dropFile("a.csv", csvFile(0, rows))
	p := s.pipeline()
	require.Less(t, s.readWhilePaused(p), 0.5*rows, "rows pile up in memory")
	release()
	s.db.awaitStored(rows)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	require.Empty(t, p.complaints())
}

func TestBrokenConnectionsCostNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.pipeline()
	g := s.generator("GENERATOR_INTERVAL=20ms", "GENERATOR_BATCH_SIZE=20")
	for round := range 5 {
		s.db.awaitAtLeast(300 * (round + 1))
		_, err := s.db.ask(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil { // the other connection of this test may be among them
			require.ErrorContains(t, err, "57P01")
		}
	}
	g.terminate()
	generated := s.generated()
	s.db.awaitStored(len(generated))
	requireSame(t, generated, s.db.stored())
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.requireCalm(50)
	p.terminate()
}

func TestAnUnresponsiveDatabaseDoesNotPreventStopping(t *testing.T) {
	t.Parallel()
	// It accepts connections and never responds, as a wrong port or a firewall may.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()

	s := newSite(t)
	s.dropFile("a.csv", csvFile(0, 10))
	dsn := fmt.Sprintf("postgres://shop:hush-hush@%s/shop?sslmode=disable", mute.Addr())
	p := s.pipelineWith([]string{
		"--set", "shutdown_timeout=1s",
		"--set", "output.postgres_copy.connect_timeout=200ms",
	}, "POSTGRES_DSN="+dsn)
	p.awaitLine(`level=error .*` + strings.Split(mute.Addr().String(), ":")[1])
	requireSecret(t, p, dsn)
	p.terminate()
	s.db.require("true", "SELECT to_regclass('user_events') IS NULL")
}

// readWhilePaused waits until a pipeline that cannot store anything stops reading,
// and returns how many records it has read.
func (s *site) readWhilePaused(p *program) float64 {
	s.t.Helper()
	last, same := -1.0, 0
	await(s.t, "the reading to pause", func() error {
		read, _ := p.metric("input_received", "event_files")
		if same++; read != last {
			last, same = read, 0
		}
		if read == 0 || same < 30 {
			return fmt.Errorf("it has read %v", read)
		}
		return nil
	})
	s.t.Logf("reading paused after %v records", last)
	return last
}

// requireSecret checks that a program did not log its password.
func requireSecret(t testing.TB, p *program, dsn string) {
	t.Helper()
	_, rest, _ := strings.Cut(dsn, "://")
	credentials, _, _ := strings.Cut(rest, "@")
	_, password, _ := strings.Cut(credentials, ":")
	require.NotEmpty(t, password)
	require.NotContains(t, p.output.String(), password)
}

// TestAnOutageIsAFewLinesWhateverWaits stops the server while a thousand
// batches are being written.
func TestAnOutageIsAFewLinesWhateverWaits(t *testing.T) {
	t.Parallel()
	const batches = 1000
	for _, format := range []string{"logfmt", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s, server := newSiteOfItsOwn(t)
			s.db.makeTables()
			p := s.pipelineWith([]string{
				"--set", "logger.format=" + format, "--set", "input.csv_watch.batch_count=10",
				"--set", "input.csv_watch.checkpoint_limit=1000000", "--set", "output.postgres_copy.max_in_flight=1000",
				"--set", "output.postgres_copy.conn_max_open=20",
			})
			p.awaitLine("Output type postgres_copy is now active")
			before := p.lines("msg")
			require.NoError(t, server.StopNow(t.Context()))
			s.dropFile("a.csv", csvFile(0, 10*batches))
			await(t, "all rows to be under way", func() error {
				if waiting, err := p.metric("csv_watch_rows_unacked", "event_files"); err != nil || waiting < 10*batches {
					return fmt.Errorf("%v are: %v", waiting, err)
				}
				return nil
			})
			p.awaitLine(`connection refused`)
			time.Sleep(5 * time.Second) // an outage is a time in which nothing happens
			said := p.lines("msg")
			require.NoError(t, server.Restart(t.Context()))
			s.db.awaitStored(10 * batches)
			said = slices.DeleteFunc(said, func(line string) bool { return slices.Contains(before, line) })
			require.NotEmpty(t, said)
			require.LessOrEqual(t, len(said), 4, strings.Join(said, "\n"))
			for _, line := range said {
				require.Regexp(t, "the rows wait until|The rows wait until it can be reached: check|nothing more is read until", line)
				if format == "json" {
					require.True(t, json.Valid([]byte(line)), line)
				}
			}
			require.Empty(t, p.lines("Failed to send message"))
		})
	}
}
