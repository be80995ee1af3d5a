package tests

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// processorTime is what the program has used of all cores so far.
func (p *program) processorTime() time.Duration {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var user, system int64
	_, err = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	require.NoError(p.t, err)
	return time.Duration(user+system) * 10 * time.Millisecond // in hundredths of a second, on every Linux
}

// TestAViewerCostsLittle compares what the pipeline uses with and without
// somebody who watches, at 1,000 events/s. The machine does other things too, so
// that the least difference of a few rounds counts.
func TestAViewerCostsLittle(t *testing.T) {
	t.Parallel()
	const stretch, share = 5 * time.Second, 0.02
	s := newSite(t)
	p := s.pipeline()
	s.generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=50")
	s.db.awaitAtLeast(2000)
	used := func() time.Duration {
		before := p.processorTime()
		<-time.After(stretch)
		return p.processorTime() - before
	}
	least := stretch
	for range 4 {
		alone := used()
		answer, err := http.Get(p.live + "/api/events")
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
