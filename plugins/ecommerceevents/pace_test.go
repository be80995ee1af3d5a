package ecommerceevents

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type fakeClock struct{ at time.Time }

func (c *fakeClock) now() time.Time { return c.at }

func newTestPace(interval time.Duration) (*pace, *fakeClock) {
	clock := &fakeClock{at: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	return &pace{interval: interval, now: clock.now}, clock
}

func TestTheFirstBatchIsDueAtOnce(t *testing.T) {
	t.Parallel()
	p, _ := newTestPace(5 * time.Second)
	assert.LessOrEqual(t, p.wait(), time.Duration(0))
	p.advance()
	assert.Equal(t, 5*time.Second, p.wait())
}

func TestTheRateDoesNotDriftWithLateWakeUps(t *testing.T) {
	t.Parallel()
	p, clock := newTestPace(time.Millisecond)
	r := rand.New(rand.NewPCG(1, 2))
	begin, batches := clock.at, 0
	for clock.at.Sub(begin) < time.Hour {
		if wait := p.wait(); wait > 0 {
			clock.at = clock.at.Add(wait + time.Duration(r.Int64N(int64(3*time.Millisecond))))
			continue
		}
		p.advance()
		batches++
		clock.at = clock.at.Add(time.Duration(r.Int64N(int64(200 * time.Microsecond))))
	}
	assert.InDelta(t, 3_600_000, batches, 5)
}

func TestAShortPauseIsMadeUpFor(t *testing.T) {
	t.Parallel()
	p, clock := newTestPace(time.Second)
	p.advance()
	clock.at = clock.at.Add(20 * time.Second)
	assert.Equal(t, 20, dueNow(p))
}

func TestALongPauseIsMadeUpForInPart(t *testing.T) {
	t.Parallel()
	p, clock := newTestPace(time.Second)
	p.advance()
	clock.at = clock.at.Add(24 * time.Hour)
	assert.InDelta(t, 61, dueNow(p), 1)
	assert.Positive(t, p.wait())
}

func TestALongIntervalKeepsItsSchedule(t *testing.T) {
	t.Parallel()
	p, clock := newTestPace(time.Hour)
	p.advance()
	clock.at = clock.at.Add(90 * time.Minute)
	require.Equal(t, 1, dueNow(p))
	assert.Equal(t, 30*time.Minute, p.wait(), "back on schedule")
}

func TestWithoutAnIntervalBatchesAreAlwaysDue(t *testing.T) {
	t.Parallel()
	p, _ := newTestPace(0)
	for range 3 {
		assert.LessOrEqual(t, p.wait(), time.Duration(0))
		p.advance()
	}
}

func dueNow(p *pace) (batches int) {
	for p.wait() <= 0 {
		p.advance()
		batches++
	}
	return batches
}
