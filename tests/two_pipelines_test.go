package tests

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

func TestTwoPipelinesStoreEachEventOnce(t *testing.T) {
	t.Parallel()
	const events = 20_000
	s := rig.NewSite(t)
	root := filepath.Dir(s.StateDir)
	// Both create the tables at once, and both read every file.
	one := s.Pipeline("STATE_DIR=" + filepath.Join(root, "one"))
	two := s.Pipeline("STATE_DIR=" + filepath.Join(root, "two"))
	s.Generator("GENERATOR_INTERVAL=10ms", "GENERATOR_BATCH_SIZE=200", "GENERATOR_COUNT=20000").AwaitSuccess()
	s.DB.AwaitStored(events)
	rig.Await(t, "the first to have read it all", func() error { return one.HasRead(events) })
	rig.Await(t, "the second to have read it all", func() error { return two.HasRead(events) })
	one.Terminate()
	two.Terminate()

	rig.RequireSame(t, s.Generated(), s.DB.Stored())
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	require.Empty(t, one.Complaints())
	require.Empty(t, two.Complaints())
}

func TestTwoPipelinesShareTheFoldersOfOneTable(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	for _, half := range []string{"north", "south"} {
		s.Pipeline("EVENTS_DIR="+filepath.Join(s.EventsDir, half), "STATE_DIR="+filepath.Join(s.StateDir, half))
	}
	north := s.Generator("EVENTS_DIR="+filepath.Join(s.EventsDir, "north"), "GENERATOR_INTERVAL=5ms", "GENERATOR_COUNT=1000")
	south := s.Generator("EVENTS_DIR="+filepath.Join(s.EventsDir, "south"), "GENERATOR_INTERVAL=5ms", "GENERATOR_COUNT=1000")
	north.AwaitSuccess()
	south.AwaitSuccess()
	s.DB.AwaitStored(2000)
	rig.RequireSame(t, s.Generated(), s.DB.Stored())
}

func TestASecondPipelineWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := rig.NewSite(t)
			s.DropFile("a.csv", rig.CSVFile(0, 100))
			first := s.Pipeline()
			s.DB.AwaitStored(100)
			second := s.Pipeline() // by mistake, or as a standby
			second.AwaitLine("in use by another csv_watch")
			s.DropFile("b.csv", rig.CSVFile(100, 200))
			s.DB.AwaitStored(200)

			end(first)
			s.DropFile("c.csv", rig.CSVFile(200, 300))
			s.DB.AwaitStored(300)
			require.NoError(t, second.HasRead(100))
			second.RequireCalm(4)
			second.Terminate()
			s.DB.Require("0", "SELECT count(*) FROM rejected_events")
		})
	}
}
