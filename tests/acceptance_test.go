package tests

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The acceptance tests of the job that this program replaces. The fifth, about
// restarts and deleted files, is in restart_test.go.

func TestTheGeneratorWritesTwoFilesInTenSeconds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	g := s.generator()
	end := g.started.Add(10 * time.Second)
	time.Sleep(time.Until(end)) // ten seconds
	g.terminate()

	// The third file is due just after the ten seconds, and may exist if the generator
	// was stopped late.
	inTime := 0
	for _, path := range s.files() {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Len(t, readCSV(t, path), 10) // which checks the header, too
		if info.ModTime().Before(end) {
			inTime++
		}
	}
	require.Equal(t, 2, inTime)
}

func TestGeneratedFilesAreStored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before := time.Now().Add(-time.Second) // the two clocks are one, but for rounding
	p := s.pipeline()
	g := s.generator("GENERATOR_INTERVAL=20ms", "GENERATOR_COUNT=1000")
	s.db.awaitAtLeast(10) // while the generator goes on
	g.awaitEnd()
	require.Len(t, s.files(), 100)
	s.db.awaitStored(1000)

	// Timestamps are parsed, event types are lowercase, all other cells are unchanged.
	requireSame(t, s.generated(), s.db.stored())
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	s.db.require("true", "SELECT bool_and(event_type = lower(event_type)) FROM user_events")
	s.db.require("true", "SELECT count(DISTINCT event_id) = count(*) FROM user_events")
	s.db.require("true", "SELECT bool_and(created_at BETWEEN $1::timestamptz AND now()) FROM user_events", before)

	p.terminate()
	require.Empty(t, p.complaints())
	require.Empty(t, g.complaints())
}

func TestTheGeneratorUsesEveryFormat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.generator("GENERATOR_INTERVAL=1ms", "GENERATOR_BATCH_SIZE=500", "GENERATOR_COUNT=3000", "GENERATOR_SEED=7").awaitEnd()
	forms, kinds := map[string]bool{}, map[string]bool{}
	for _, path := range s.files() {
		for _, cells := range readCSV(t, path) {
			kinds[cells[3]] = true
			forms[shape(cells[9])] = true
		}
	}
	require.Greater(t, len(kinds), 4, "event types come in mixed case: %v", kinds)
	require.Greater(t, len(forms), 3, "times come in several forms: %v", forms)

	s.pipeline()
	s.db.awaitStored(3000)
	requireSame(t, s.generated(), s.db.stored())
}

func TestFaultyEventsCostOnlyTheirRows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.generator("GENERATOR_INTERVAL=1ms", "GENERATOR_BATCH_SIZE=500", "GENERATOR_COUNT=5000", "GENERATOR_SEED=11",
		"GENERATOR_MALFORMED=0.02", "GENERATOR_DUPLICATES=0.05", "GENERATOR_LATE=0.05").awaitEnd()
	good, bad := s.sorted()
	require.NotEmpty(t, bad)
	require.Less(t, len(good)+len(bad), 4900, "some events are repeated")

	s.pipeline()
	s.db.awaitStored(len(good))
	s.db.awaitRejected(len(bad))
	requireSame(t, good, s.db.stored())
	for _, path := range s.files() {
		for _, r := range s.db.rejected(path) {
			require.Contains(t, bad, place{path, r.Row}, "%+v", r)
			require.NotEmpty(t, r.Reason)
		}
	}
}

// shape replaces digits, so that times of one format become equal.
func shape(cell string) string {
	out := []byte(cell)
	for i, c := range out {
		if c >= '0' && c <= '9' {
			out[i] = '9'
		}
	}
	return string(out)
}
