package tests

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTwoPipelinesStoreEachEventOnce(t *testing.T) {
	t.Parallel()
	const events = 20_000
	s := newSite(t)
	root := filepath.Dir(s.state)
	// Both create the tables at once, and both read every file.
	one := s.pipeline("STATE_DIR=" + filepath.Join(root, "one"))
	two := s.pipeline("STATE_DIR=" + filepath.Join(root, "two"))
	s.generator("GENERATOR_INTERVAL=10ms", "GENERATOR_BATCH_SIZE=200", "GENERATOR_COUNT=20000").awaitEnd()
	s.db.awaitStored(events)
	await(t, "the first to have read it all", func() error { return one.hasRead(events) })
	await(t, "the second to have read it all", func() error { return two.hasRead(events) })
	one.terminate()
	two.terminate()

	requireSame(t, s.generated(), s.db.stored())
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	require.Empty(t, one.complaints())
	require.Empty(t, two.complaints())
}

func TestTwoPipelinesShareTheFoldersOfOneTable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, half := range []string{"north", "south"} {
		s.pipeline("EVENTS_DIR="+filepath.Join(s.events, half), "STATE_DIR="+filepath.Join(s.state, half))
	}
	north := s.generator("EVENTS_DIR="+filepath.Join(s.events, "north"), "GENERATOR_INTERVAL=5ms", "GENERATOR_COUNT=1000")
	south := s.generator("EVENTS_DIR="+filepath.Join(s.events, "south"), "GENERATOR_INTERVAL=5ms", "GENERATOR_COUNT=1000")
	north.awaitEnd()
	south.awaitEnd()
	s.db.awaitStored(2000)
	requireSame(t, s.generated(), s.db.stored())
}

func TestASecondPipelineWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.dropFile("a.csv", csvFile(0, 100))
			first := s.pipeline()
			s.db.awaitStored(100)
			second := s.pipeline() // by mistake, or as a standby
			second.awaitLine("in use by another csv_watch")
			s.dropFile("b.csv", csvFile(100, 200))
			s.db.awaitStored(200)

			end(first)
			s.dropFile("c.csv", csvFile(200, 300))
			s.db.awaitStored(300)
			require.NoError(t, second.hasRead(100))
			second.requireCalm(4)
			second.terminate()
			s.db.require("0", "SELECT count(*) FROM rejected_events")
		})
	}
}
