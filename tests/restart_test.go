package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// endings are the ways in which a program that is running ends.
var endings = map[string]func(*program){
	"by SIGTERM": (*program).terminate,
	"by SIGKILL": (*program).kill,
}

func TestTheGeneratorIsRestarted(t *testing.T) {
	t.Parallel()
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			p := s.pipeline()
			for round := range 3 {
				before := len(s.files())
				g := s.generator("GENERATOR_INTERVAL=2ms")
				await(t, "ten more files", func() error {
					if n := len(s.files()); n < before+10 {
						return fmt.Errorf("round %d has made %d", round, n-before)
					}
					return nil
				})
				end(g)
			}
			for _, path := range s.files() {
				require.Len(t, readCSV(t, path), 10, "%s appeared before it was whole", path)
			}
			generated := s.generated()
			require.Len(t, generated, 10*len(s.files()), "a restart made files or events that were there already")
			s.db.awaitStored(len(generated))
			requireSame(t, generated, s.db.stored())
			s.db.require("0", "SELECT count(*) FROM rejected_events")
			p.terminate()
			require.Empty(t, p.complaints())
		})
	}
}

func TestThePipelineIsRestartedDuringLoad(t *testing.T) {
	t.Parallel()
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.db.makeTables()
			g := s.generator("GENERATOR_INTERVAL=20ms", "GENERATOR_BATCH_SIZE=20")
			for round := range 4 {
				p := s.pipeline()
				await(t, "rows that this pipeline has read", func() error { return p.hasRead(100) })
				s.db.awaitAtLeast(150 * (round + 1))
				end(p)
			}
			g.terminate()
			p := s.pipeline()
			generated := s.generated()
			s.db.awaitStored(len(generated))
			requireSame(t, generated, s.db.stored())
			s.db.require("0", "SELECT count(*) FROM rejected_events")
			p.terminate()
			require.Empty(t, p.complaints())
		})
	}
}

func TestAKilledPipelineResumesWithinAFile(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := newSite(t)
	s.db.makeTables()
	s.dropFile("big.csv", csvFile(0, rows))
	for round := range 3 {
		p := s.pipeline()
		await(t, "rows that this pipeline has read", func() error { return p.hasRead(1) })
		s.db.awaitAtLeast(1 + round*rows/4)
		p.kill()
	}
	s.pipeline()
	s.db.awaitStored(rows)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
}

func TestAfterACleanRestartNothingIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("a.csv", csvFile(0, 100))
	s.dropFile("b.csv", csvFile(100, 200))
	p := s.pipeline()
	s.db.awaitStored(200)
	p.terminate()

	// The key would hide rows that are read again: delete the stored rows.
	s.db.exec("TRUNCATE user_events")
	s.appendTo("a.csv", records(200, 210))
	s.dropFile("c.csv", csvFile(210, 220))
	require.NoError(t, os.Rename(filepath.Join(s.events, "b.csv"), filepath.Join(s.events, "d.csv")))
	p = s.pipeline()
	s.db.awaitStored(20)
	await(t, "the rows to be counted", func() error { return p.hasRead(20) })
	p.terminate()
	s.db.require("20", "SELECT count(*) FROM user_events")
	require.Empty(t, p.complaints())
}

//promise:no-loss
func TestRowsInFlightSurviveAKilledPipeline(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.db.makeTables()
	release := s.db.hold()
	s.dropFile("a.csv", csvFile(0, 5000))
	p := s.pipeline()
	await(t, "rows to be on their way", func() error { return p.hasRead(1) })
	p.kill()
	release()
	s.pipeline()
	s.db.awaitStored(5000)
}

func TestAFileMayBeDeletedWhileItIsRead(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := newSite(t)
	p := s.pipeline()
	s.dropFile("a.csv", csvFile(0, rows))
	s.db.awaitAtLeast(1)
	release := s.db.hold() // the rest of the file cannot be stored
	require.NoError(t, os.Remove(filepath.Join(s.events, "a.csv")))
	release()

	// An open file is read to its end, and later files are read.
	s.dropFile("b.csv", csvFile(rows, rows+10))
	s.db.awaitStored(rows + 10)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.requireCalm(2)
	p.terminate()

	// The position of a deleted file does not disturb the next start.
	s.dropFile("c.csv", csvFile(rows+10, rows+20))
	p = s.pipeline()
	s.db.awaitStored(rows + 20)
	p.requireCalm(2)
}

func TestAFileMayBeDeletedWhileThePipelineIsDown(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := newSite(t)
	p := s.pipeline()
	s.dropFile("a.csv", csvFile(0, rows))
	s.db.awaitAtLeast(1)
	p.kill()
	require.NoError(t, os.Remove(filepath.Join(s.events, "a.csv")))
	s.dropFile("a.csv", csvFile(rows, rows+10)) // and another of its name
	p = s.pipeline()
	s.db.await("10", "SELECT count(*) FROM user_events WHERE user_id >= $1::bigint", rows)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.requireCalm(2)
	p.terminate()
}

func TestAllFilesMayBeDeletedAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.pipeline()
	g := s.generator("GENERATOR_INTERVAL=5ms")
	for range 5 {
		await(t, "files to delete", func() error {
			files := s.files()
			if len(files) < 10 {
				return fmt.Errorf("there are %d", len(files))
			}
			for _, path := range files {
				require.NoError(t, os.Remove(path))
			}
			return nil
		})
	}
	g.terminate()
	require.NoError(t, os.RemoveAll(s.events)) // the folder, too
	require.NoError(t, os.Mkdir(s.events, 0o755))
	s.dropFile("last.csv", csvFile(0, 10))
	s.db.await("10", "SELECT count(*) FROM user_events WHERE event_id BETWEEN $1::uuid AND $2::uuid", eventID(0), eventID(9))
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.requireCalm(100) // each deleted file may be logged
	p.terminate()
}

// hasRead returns nil once the pipeline has read at least n records.
func (p *program) hasRead(n int) error {
	read, err := p.metric("input_received", "event_files")
	if err == nil && read < float64(n) {
		err = fmt.Errorf("it has read %v", read)
	}
	return err
}
