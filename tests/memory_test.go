package tests

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The promise is under 100 MB resident at 10,000 events a second, and under 200
// MB flat out. A machine too busy to keep up with the first goes flat out. This
// test runs alone, before the parallel ones.
func TestThePipelineStaysSmallAtTenThousandEventsASecond(t *testing.T) {
	const events = 60_000
	s := newSite(t)
	p := s.pipeline()
	p.awaitLine("user_events.* active|active")
	started := time.Now()
	s.generator("GENERATOR_INTERVAL=100ms", "GENERATOR_BATCH_SIZE=1000", "GENERATOR_COUNT=60000").awaitEnd()
	generated := time.Since(started)
	s.db.awaitStored(events)
	stored := time.Since(started)

	now, most := p.memory("VmRSS"), p.memory("VmHWM")
	t.Logf("%d events generated in %v, stored after %v (%.0f events/s): %d MB resident, %d MB at the most",
		events, generated.Round(time.Millisecond), stored.Round(time.Millisecond), events/stored.Seconds(), now>>20, most>>20)
	limit := int64(100 << 20)
	if stored > generated+time.Second {
		t.Log("this machine did not keep up")
		limit = 200 << 20
	}
	require.Less(t, most, limit)
	require.Empty(t, p.complaints())
}

func TestABacklogDoesNotGrowThePipeline(t *testing.T) {
	t.Parallel()
	const files, perFile, limit = 12, 5_000, 200 << 20
	s := newSite(t)
	for n := range files {
		s.dropFile(eventID(n)+".csv", csvFile(n*perFile, (n+1)*perFile))
	}
	p := s.pipeline()
	s.db.awaitStored(files * perFile)
	most := p.memory("VmHWM")
	t.Logf("a backlog of %d rows at full speed: %d MB at the most", files*perFile, most>>20)
	require.Less(t, most, int64(limit))
}
