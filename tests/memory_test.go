package tests

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// The limit is 100 MB of resident memory at 10,000 events per second, and 200 MB at
// full speed, which a busy machine needs to catch up. This test runs alone, before
// the parallel ones.
func TestThePipelineStaysSmallAtTenThousandEvents(t *testing.T) {
	const events = 60_000
	s := rig.NewSite(t)
	p := s.Pipeline()
	p.AwaitLine("label=user_events.* active|active.* label=user_events")
	started := time.Now()
	g := s.Generator("GENERATOR_INTERVAL=100ms", "GENERATOR_BATCH_SIZE=1000", "GENERATOR_COUNT=60000")
	g.ExpectEnd() // it ends after the last one

	var stored, behind float64
	rig.Await(t, "every event to be stored", func() error {
		generated, err := g.Metric("input_received", "shop")
		if err != nil && !g.Ended() {
			return err
		}
		if g.Ended() {
			generated = events
		}
		stored, _ = p.Metric("output_sent", "user_events") // missing before the first
		behind = max(behind, generated-stored)
		if stored < events {
			return fmt.Errorf("%v are", stored)
		}
		return nil
	})
	took := time.Since(started)
	now, most := p.Memory("VmRSS"), p.Memory("VmHWM")
	t.Logf("%d events in %v (%.0f events/s), at most %v behind: %d MB resident, %d MB at the most",
		events, took.Round(time.Millisecond), events/took.Seconds(), behind, now>>20, most>>20)
	limit := int64(100 << 20)
	if behind > 3000 { // of which one file's are no delay
		t.Log("this machine did not keep up")
		limit = 200 << 20
	}
	require.Less(t, most, limit)
	require.Empty(t, p.Complaints())
	s.DB.AwaitStored(events)
}

//promise:bounded-memory
func TestABacklogDoesNotGrowThePipeline(t *testing.T) {
	t.Parallel()
	const files, perFile, limit = 12, 5_000, 200 << 20
	s := rig.NewSite(t)
	for n := range files {
		s.DropFile(rig.EventID(n)+".csv", rig.CSVFile(n*perFile, (n+1)*perFile))
	}
	p := s.Pipeline()
	s.DB.AwaitStored(files * perFile)
	most := p.Memory("VmHWM")
	t.Logf("a backlog of %d rows at full speed: %d MB at the most", files*perFile, most>>20)
	require.Less(t, most, int64(limit))
}
