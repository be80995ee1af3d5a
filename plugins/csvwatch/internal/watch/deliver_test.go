package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLowWatermarkFollowsTheAcknowledgedRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.BatchRows = 2
	w.write("in/a.csv", csvOf("a", 12))
	watcher := w.unpumped()
	take := func() *Segment {
		_, segments := w.next(2)
		require.Len(t, segments, 1)
		return segments[0]
	}
	first, second := take(), take()
	require.EqualValues(t, 1, first.LowWatermark)
	require.EqualValues(t, 1, second.LowWatermark)
	watcher.Done(second)
	third := take()
	require.EqualValues(t, 1, third.LowWatermark, "the rows before it are not acknowledged")
	watcher.Done(first)
	fourth := take()
	require.EqualValues(t, 5, fourth.LowWatermark)
	watcher.Abandon(third)
	watcher.Done(fourth)
	require.EqualValues(t, 5, take().LowWatermark)
	require.NoError(t, watcher.save(t.Context()))
	w.kill()

	w.byHand = true
	w.start()
	require.EqualValues(t, 5, take().LowWatermark, "the saved position")
}
