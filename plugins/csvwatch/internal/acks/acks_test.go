package acks

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheEndMovesOverAContiguousRunOnly(t *testing.T) {
	t.Parallel()
	var l Line[int]
	a, b, c := l.Add(1), l.Add(2), l.Add(3)
	_, moved := l.Done(c)
	require.False(t, moved)
	end, moved := l.Done(a)
	require.True(t, moved)
	require.Equal(t, 1, end)
	require.Equal(t, 2, l.Out())
	end, moved = l.Done(b)
	require.True(t, moved)
	require.Equal(t, 3, end)
	require.Zero(t, l.Out())
	_, moved = l.Done(b)
	require.False(t, moved, "a part counts once")
}

func TestTheEndStopsBeforeThePartInFlight(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var l Line[int]
		n := 1 + r.IntN(30)
		parts := make([]*Part[int], n)
		for i := range parts {
			parts[i] = l.Add(i + 1)
		}
		done := make([]bool, n)
		end := 0
		for _, i := range r.Perm(n) {
			done[i] = true
			if now, moved := l.Done(parts[i]); moved {
				require.Greater(t, now, end)
				end = now
			}
			want := 0
			for want < n && done[want] {
				want++
			}
			require.Equal(t, want, end)
		}
		require.Zero(t, l.Out())
	}
}

func TestNothingIsKeptAfterAnAbandonedPart(t *testing.T) {
	t.Parallel()
	var l Line[int]
	a, b, c := l.Add(1), l.Add(2), l.Add(3)
	_, moved := l.Done(c)
	require.False(t, moved)
	l.GiveUp(b)
	require.Equal(t, 1, l.Out())
	for n := range 1000 {
		_, moved := l.Done(l.Add(4 + n))
		require.False(t, moved)
	}
	require.Equal(t, 1, l.Out())
	end, moved := l.Done(a)
	require.True(t, moved)
	require.Equal(t, 1, end)
	require.Zero(t, l.Out())
	_, moved = l.Done(b)
	require.False(t, moved)
}
