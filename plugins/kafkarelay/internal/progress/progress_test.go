package progress

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// take adds the records from one offset up to another as a part of a channel
// whose rows have numbers that are higher by shift.
func take(p *Partition, from, to int64, channel string, shift int64) *Part {
	part := p.Begin()
	for offset := from; offset < to; offset++ {
		part.Add(offset, 3, Row{channel, offset + shift})
	}
	return part
}

// done acknowledges every record of a part.
func done(p *Partition, part *Part) bool { return p.Done(part, part.left) }

func TestAPartIsDoneOnceAllItsRecordsAre(t *testing.T) {
	t.Parallel()
	p := New(0)
	part := take(p, 0, 10, "", 0)
	require.False(t, p.Done(part, 9))
	require.True(t, p.Done(part, 1))
}

func TestThePositionMovesOverAContiguousRunOnly(t *testing.T) {
	t.Parallel()
	p := New(10)
	one, two, three := take(p, 10, 20, "", 0), take(p, 25, 30, "", 0), take(p, 30, 40, "", 0)
	require.False(t, done(p, three))
	require.False(t, done(p, two))
	require.True(t, done(p, one))
	offset, epoch := p.Position()
	require.EqualValues(t, 40, offset)
	require.EqualValues(t, 3, epoch)
	require.Zero(t, p.Out())
}

func TestAWholeChannelHasALowWatermark(t *testing.T) {
	t.Parallel()
	p := New(0)
	_, known := p.LowWatermark("a")
	require.False(t, known)
	one, two := take(p, 0, 10, "a", 1), take(p, 10, 20, "a", 1)
	done(p, two)
	_, known = p.LowWatermark("a")
	require.False(t, known, "the first rows are still out")
	done(p, one)
	number, known := p.LowWatermark("a")
	require.True(t, known)
	require.EqualValues(t, 21, number)
}

func TestUnseenRowsEndALowWatermark(t *testing.T) {
	t.Parallel()
	p := New(0)
	done(p, take(p, 0, 10, "a", 1))
	done(p, take(p, 10, 20, "a", 6)) // rows 11 to 15 went elsewhere
	_, known := p.LowWatermark("a")
	require.False(t, known)
	done(p, take(p, 20, 30, "b", 0)) // a channel that begins in the middle
	_, known = p.LowWatermark("b")
	require.False(t, known)
}

func TestRowsThatAreProducedAgainChangeNothing(t *testing.T) {
	t.Parallel()
	p := New(0)
	done(p, take(p, 0, 10, "a", 1))   // 1 to 10
	done(p, take(p, 10, 15, "a", -6)) // 4 to 8
	done(p, take(p, 15, 20, "a", -6)) // 9 to 13
	number, known := p.LowWatermark("a")
	require.True(t, known)
	require.EqualValues(t, 14, number)
}

func TestRereadingAFileRestoresItsLowWatermark(t *testing.T) {
	t.Parallel()
	p := New(0)
	done(p, take(p, 0, 10, "a", 100))
	done(p, take(p, 10, 20, "a", -9))
	number, known := p.LowWatermark("a")
	require.True(t, known)
	require.EqualValues(t, 11, number)
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	p := New(0)
	for i := range int64(3 * maxChannels) {
		done(p, take(p, i, i+1, fmt.Sprint("channel ", i), 1-i))
	}
	require.Len(t, p.channels, maxChannels)
}
