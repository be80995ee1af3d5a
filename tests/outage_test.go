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

	"github.com/ecommerce-ingest/connect/tests/rig"
)

func TestReadingPausesUntilTheDatabaseStarts(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	s, server := rig.NewSiteWithServer(t)
	require.NoError(t, server.StopNow(t.Context()))
	s.DropFile("a.csv", rig.CSVFile(0, rows))
	p := s.Pipeline()

	p.AwaitLine(`level=error .*connection refused`)
	p.RequireNoPassword(s.DSN)
	require.Less(t, readWhilePaused(s, p), 0.5*rows, "rows pile up in memory")

	require.NoError(t, server.Restart(t.Context()))
	s.DB.AwaitStored(rows)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.RequireCalm(4)
	p.Terminate()
}

func TestADatabaseOutageIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, server := rig.NewSiteWithServer(t)
	p := s.Pipeline()
	g := s.Generator("GENERATOR_INTERVAL=20ms", "GENERATOR_BATCH_SIZE=20", "GENERATOR_MALFORMED=0.01")
	for round := range 3 {
		s.DB.AwaitAtLeast(500 * (round + 1))
		complaints := len(p.Complaints())
		require.NoError(t, server.StopNow(t.Context()))
		rig.Await(t, "a complaint", func() error {
			if len(p.Complaints()) == complaints {
				return fmt.Errorf("the pipeline has not noticed")
			}
			return nil
		})
		require.NoError(t, server.Restart(t.Context()))
	}
	g.Terminate()
	good, bad := s.Sorted()
	s.DB.AwaitStored(len(good))
	s.DB.AwaitRejected(len(bad))
	rig.RequireSame(t, good, s.DB.Stored())
	for _, path := range s.Files() {
		for _, r := range s.DB.Rejected(path) {
			require.Contains(t, bad, rig.Place{Path: path, Row: r.Row}, "a row was blamed for the outage: %+v", r)
		}
	}
	p.RequireCalm(30)
	p.Terminate()
}

func TestASlowDatabaseSlowsTheReading(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	s := rig.NewSite(t)
	s.DB.CreateTables()
	release := s.DB.LockEvents()
	s.DropFile("a.csv", rig.CSVFile(0, rows))
	p := s.Pipeline()
	require.Less(t, readWhilePaused(s, p), 0.5*rows, "rows pile up in memory")
	release()
	s.DB.AwaitStored(rows)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	require.Empty(t, p.Complaints())
}

func TestBrokenConnectionsCostNothing(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	p := s.Pipeline()
	g := s.Generator("GENERATOR_INTERVAL=20ms", "GENERATOR_BATCH_SIZE=20")
	for round := range 5 {
		s.DB.AwaitAtLeast(300 * (round + 1))
		_, err := s.DB.Value(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil { // the other connection of this test may be among them
			require.ErrorContains(t, err, "57P01")
		}
	}
	g.Terminate()
	generated := s.Generated()
	s.DB.AwaitStored(len(generated))
	rig.RequireSame(t, generated, s.DB.Stored())
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.RequireCalm(50)
	p.Terminate()
}

func TestAnUnresponsiveDatabaseDoesNotPreventStopping(t *testing.T) {
	t.Parallel()
	// It accepts connections and never responds, as a wrong port or a firewall may.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()

	s := rig.NewSite(t)
	s.DropFile("a.csv", rig.CSVFile(0, 10))
	dsn := fmt.Sprintf("postgres://shop:hush-hush@%s/shop?sslmode=disable", mute.Addr())
	p := s.PipelineWith([]string{
		"--set", "shutdown_timeout=1s",
		"--set", "output.postgres_copy.connect_timeout=200ms",
	}, "POSTGRES_DSN="+dsn)
	p.AwaitLine(`level=error .*` + strings.Split(mute.Addr().String(), ":")[1])
	p.RequireNoPassword(dsn)
	p.Terminate()
	s.DB.Require("true", "SELECT to_regclass('user_events') IS NULL")
}

// readWhilePaused waits until a pipeline that cannot store anything stops reading,
// and returns how many records it has read.
func readWhilePaused(s *rig.Site, p *rig.Program) float64 {
	s.T.Helper()
	last, same := -1.0, 0
	rig.Await(s.T, "the reading to pause", func() error {
		read, _ := p.Metric("input_received", "event_files")
		if same++; read != last {
			last, same = read, 0
		}
		if read == 0 || same < 30 {
			return fmt.Errorf("it has read %v", read)
		}
		return nil
	})
	s.T.Logf("reading paused after %v records", last)
	return last
}

// TestAnOutageIsAFewLinesWhateverWaits stops the server while a thousand
// batches are being written.
func TestAnOutageIsAFewLinesWhateverWaits(t *testing.T) {
	t.Parallel()
	const batches = 1000
	for _, format := range []string{"logfmt", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s, server := rig.NewSiteWithServer(t)
			s.DB.CreateTables()
			p := s.PipelineWith([]string{
				"--set", "logger.format=" + format, "--set", "input.csv_watch.batch_count=10",
				"--set", "input.csv_watch.checkpoint_limit=1000000", "--set", "output.postgres_copy.max_in_flight=1000",
				"--set", "output.postgres_copy.conn_max_open=20",
			})
			p.AwaitLine("Output type postgres_copy is now active")
			before := p.Lines("msg")
			require.NoError(t, server.StopNow(t.Context()))
			s.DropFile("a.csv", rig.CSVFile(0, 10*batches))
			rig.Await(t, "all rows to be under way", func() error {
				if waiting, err := p.Metric("csv_watch_rows_unacked", "event_files"); err != nil || waiting < 10*batches {
					return fmt.Errorf("%v are: %v", waiting, err)
				}
				return nil
			})
			p.AwaitLine(`connection refused`)
			time.Sleep(5 * time.Second) // an outage is a time in which nothing happens
			said := p.Lines("msg")
			require.NoError(t, server.Restart(t.Context()))
			s.DB.AwaitStored(10 * batches)
			said = slices.DeleteFunc(said, func(line string) bool { return slices.Contains(before, line) })
			require.NotEmpty(t, said)
			require.LessOrEqual(t, len(said), 4, strings.Join(said, "\n"))
			for _, line := range said {
				require.Regexp(t, "the rows wait until|The rows wait until it can be reached: check|nothing more is read until", line)
				if format == "json" {
					require.True(t, json.Valid([]byte(line)), line)
				}
			}
			require.Empty(t, p.Lines("Failed to send message"))
		})
	}
}
