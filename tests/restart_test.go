package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// endings are the ways in which a program that is running ends.
var endings = map[string]func(*rig.Program){
	"by SIGTERM": (*rig.Program).Terminate,
	"by SIGKILL": (*rig.Program).Kill,
}

func TestTheGeneratorIsRestarted(t *testing.T) {
	t.Parallel()
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := rig.NewSite(t)
			p := s.Pipeline()
			for round := range 3 {
				before := len(s.Files())
				g := s.Generator("GENERATOR_INTERVAL=2ms")
				rig.Await(t, "ten more files", func() error {
					if n := len(s.Files()); n < before+10 {
						return fmt.Errorf("round %d has made %d", round, n-before)
					}
					return nil
				})
				end(g)
			}
			for _, path := range s.Files() {
				require.Len(t, rig.ReadCSV(t, path), 10, "%s appeared before it was whole", path)
			}
			generated := s.Generated()
			require.Len(t, generated, 10*len(s.Files()), "a restart made files or events that were there already")
			s.DB.AwaitStored(len(generated))
			rig.RequireSame(t, generated, s.DB.Stored())
			s.DB.Require("0", "SELECT count(*) FROM rejected_events")
			p.Terminate()
			require.Empty(t, p.Complaints())
		})
	}
}

func TestThePipelineIsRestartedDuringLoad(t *testing.T) {
	t.Parallel()
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := rig.NewSite(t)
			s.DB.CreateTables()
			g := s.Generator("GENERATOR_INTERVAL=20ms", "GENERATOR_BATCH_SIZE=20")
			for round := range 4 {
				p := s.Pipeline()
				rig.Await(t, "rows that this pipeline has read", func() error { return p.HasRead(100) })
				s.DB.AwaitAtLeast(150 * (round + 1))
				end(p)
			}
			g.Terminate()
			p := s.Pipeline()
			generated := s.Generated()
			s.DB.AwaitStored(len(generated))
			rig.RequireSame(t, generated, s.DB.Stored())
			s.DB.Require("0", "SELECT count(*) FROM rejected_events")
			p.Terminate()
			require.Empty(t, p.Complaints())
		})
	}
}

func TestAKilledPipelineResumesWithinAFile(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := rig.NewSite(t)
	s.DB.CreateTables()
	s.DropFile("big.csv", rig.CSVFile(0, rows))
	for round := range 3 {
		p := s.Pipeline()
		rig.Await(t, "rows that this pipeline has read", func() error { return p.HasRead(1) })
		s.DB.AwaitAtLeast(1 + round*rows/4)
		p.Kill()
	}
	s.Pipeline()
	s.DB.AwaitStored(rows)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
}

func TestAfterACleanRestartNothingIsReadAgain(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DropFile("a.csv", rig.CSVFile(0, 100))
	s.DropFile("b.csv", rig.CSVFile(100, 200))
	p := s.Pipeline()
	s.DB.AwaitStored(200)
	p.Terminate()

	// The key would hide rows that are read again: delete the stored rows.
	s.DB.Exec("TRUNCATE user_events")
	s.Append("a.csv", rig.Records(200, 210))
	s.DropFile("c.csv", rig.CSVFile(210, 220))
	require.NoError(t, os.Rename(filepath.Join(s.EventsDir, "b.csv"), filepath.Join(s.EventsDir, "d.csv")))
	p = s.Pipeline()
	s.DB.AwaitStored(20)
	rig.Await(t, "the rows to be counted", func() error { return p.HasRead(20) })
	p.Terminate()
	s.DB.Require("20", "SELECT count(*) FROM user_events")
	require.Empty(t, p.Complaints())
}

//promise:no-loss
func TestRowsInFlightSurviveAKilledPipeline(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DB.CreateTables()
	release := s.DB.LockEvents()
	s.DropFile("a.csv", rig.CSVFile(0, 5000))
	p := s.Pipeline()
	rig.Await(t, "rows to be on their way", func() error { return p.HasRead(1) })
	p.Kill()
	release()
	s.Pipeline()
	s.DB.AwaitStored(5000)
}

func TestAFileMayBeDeletedWhileItIsRead(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := rig.NewSite(t)
	p := s.Pipeline()
	s.DropFile("a.csv", rig.CSVFile(0, rows))
	s.DB.AwaitAtLeast(1)
	release := s.DB.LockEvents() // the rest of the file cannot be stored
	require.NoError(t, os.Remove(filepath.Join(s.EventsDir, "a.csv")))
	release()

	// An open file is read to its end, and later files are read.
	s.DropFile("b.csv", rig.CSVFile(rows, rows+10))
	s.DB.AwaitStored(rows + 10)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.RequireCalm(2)
	p.Terminate()

	// The position of a deleted file does not disturb the next start.
	s.DropFile("c.csv", rig.CSVFile(rows+10, rows+20))
	p = s.Pipeline()
	s.DB.AwaitStored(rows + 20)
	p.RequireCalm(2)
}

func TestAFileMayBeDeletedWhileThePipelineIsDown(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := rig.NewSite(t)
	p := s.Pipeline()
	s.DropFile("a.csv", rig.CSVFile(0, rows))
	s.DB.AwaitAtLeast(1)
	p.Kill()
	require.NoError(t, os.Remove(filepath.Join(s.EventsDir, "a.csv")))
	s.DropFile("a.csv", rig.CSVFile(rows, rows+10)) // and another of its name
	p = s.Pipeline()
	s.DB.Await("10", "SELECT count(*) FROM user_events WHERE user_id >= $1::bigint", rows)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.RequireCalm(2)
	p.Terminate()
}

func TestAllFilesMayBeDeletedAtOnce(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	p := s.Pipeline()
	g := s.Generator("GENERATOR_INTERVAL=5ms")
	for range 5 {
		rig.Await(t, "files to delete", func() error {
			files := s.Files()
			if len(files) < 10 {
				return fmt.Errorf("there are %d", len(files))
			}
			for _, path := range files {
				require.NoError(t, os.Remove(path))
			}
			return nil
		})
	}
	g.Terminate()
	require.NoError(t, os.RemoveAll(s.EventsDir)) // the folder, too
	require.NoError(t, os.Mkdir(s.EventsDir, 0o755))
	s.DropFile("last.csv", rig.CSVFile(0, 10))
	s.DB.Await("10", "SELECT count(*) FROM user_events WHERE event_id BETWEEN $1::uuid AND $2::uuid", rig.EventID(0), rig.EventID(9))
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.RequireCalm(100) // each deleted file may be logged
	p.Terminate()
}
