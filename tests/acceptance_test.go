package tests

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// The acceptance tests of the job that this program replaces. The fifth, about
// restarts and deleted files, is in restart_test.go.

func TestTheGeneratorWritesTwoFilesInTenSeconds(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	g := s.Generator()
	end := g.Started.Add(10 * time.Second)
	time.Sleep(time.Until(end)) // ten seconds
	g.Terminate()

	// The third file is due just after the ten seconds, and may exist if the generator
	// was stopped late.
	inTime := 0
	for _, path := range s.Files() {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Len(t, rig.ReadCSV(t, path), 10) // which checks the header, too
		if info.ModTime().Before(end) {
			inTime++
		}
	}
	require.Equal(t, 2, inTime)
}

func TestGeneratedFilesAreStored(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	before := time.Now().Add(-time.Second) // the two clocks are one, but for rounding
	p := s.Pipeline()
	g := s.Generator("GENERATOR_INTERVAL=20ms", "GENERATOR_COUNT=1000")
	s.DB.AwaitAtLeast(10) // while the generator goes on
	g.AwaitSuccess()
	require.Len(t, s.Files(), 100)
	s.DB.AwaitStored(1000)

	// Timestamps are parsed, event types are lowercase, all other cells are unchanged.
	rig.RequireSame(t, s.Generated(), s.DB.Stored())
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	s.DB.Require("true", "SELECT bool_and(event_type = lower(event_type)) FROM user_events")
	s.DB.Require("true", "SELECT count(DISTINCT event_id) = count(*) FROM user_events")
	s.DB.Require("true", "SELECT bool_and(created_at BETWEEN $1::timestamptz AND now()) FROM user_events", before)

	p.Terminate()
	require.Empty(t, p.Complaints())
	require.Empty(t, g.Complaints())
}

func TestTheGeneratorUsesEveryFormat(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.Generator("GENERATOR_INTERVAL=1ms", "GENERATOR_BATCH_SIZE=500", "GENERATOR_COUNT=3000", "GENERATOR_SEED=7").AwaitSuccess()
	forms, kinds := map[string]bool{}, map[string]bool{}
	for _, path := range s.Files() {
		for _, cells := range rig.ReadCSV(t, path) {
			kinds[cells[3]] = true
			forms[shape(cells[9])] = true
		}
	}
	require.Greater(t, len(kinds), 4, "event types come in mixed case: %v", kinds)
	require.Greater(t, len(forms), 3, "times come in several forms: %v", forms)

	s.Pipeline()
	s.DB.AwaitStored(3000)
	rig.RequireSame(t, s.Generated(), s.DB.Stored())
}

func TestFaultyEventsCostOnlyTheirRows(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.Generator("GENERATOR_INTERVAL=1ms", "GENERATOR_BATCH_SIZE=500", "GENERATOR_COUNT=5000", "GENERATOR_SEED=11",
		"GENERATOR_MALFORMED=0.02", "GENERATOR_DUPLICATES=0.05", "GENERATOR_LATE=0.05").AwaitSuccess()
	good, bad := s.Sorted()
	require.NotEmpty(t, bad)
	require.Less(t, len(good)+len(bad), 4900, "some events are repeated")

	s.Pipeline()
	s.DB.AwaitStored(len(good))
	s.DB.AwaitRejected(len(bad))
	rig.RequireSame(t, good, s.DB.Stored())
	for _, path := range s.Files() {
		for _, r := range s.DB.Rejected(path) {
			require.Contains(t, bad, rig.Place{Path: path, Row: r.Row}, "%+v", r)
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
