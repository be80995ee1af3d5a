package tests

import (
	"bufio"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// TestAViewerCostsLittle compares what the pipeline uses with and without
// somebody who watches, at 1,000 events/s. The machine does other things too, so
// that the least difference of a few rounds counts.
func TestAViewerCostsLittle(t *testing.T) {
	t.Parallel()
	const stretch, share = 5 * time.Second, 0.02
	s := rig.NewSite(t)
	p := s.Pipeline()
	s.Generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=50")
	s.DB.AwaitAtLeast(2000)
	used := func() time.Duration {
		before := p.CPUTime()
		<-time.After(stretch)
		return p.CPUTime() - before
	}
	least := stretch
	for range 4 {
		alone := used()
		answer, err := http.Get(p.LiveURL + "/api/events")
		require.NoError(t, err)
		go func() {
			for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			}
		}()
		watched := used()
		require.NoError(t, answer.Body.Close())
		t.Logf("of %s: %s alone, %s watched", stretch, alone, watched)
		if least = min(least, watched-alone); float64(least) < share*float64(stretch) {
			return
		}
	}
	t.Fatalf("a viewer costs %.1f %% of a core: at most %.0f %% is promised", 100*least.Seconds()/stretch.Seconds(), 100*share)
}
