package plan

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func all[T any](q *Queue[T]) (out []T) {
	for {
		v, ok := q.Next(true)
		if !ok {
			return out
		}
		out = append(out, v)
	}
}

func TestNewFilesComeOldestFirst(t *testing.T) {
	t.Parallel()
	var q Queue[string]
	q.AddNew("c", Order{Time: 2, Name: "c"})
	q.AddNew("b", Order{Time: 1, Name: "b"})
	q.AddNew("a", Order{Time: 2, Name: "a"})
	q.AddNew("again", Order{Turns: 1, Time: 0, Name: "again"})
	require.Equal(t, 4, q.Len())
	require.Equal(t, []string{"b", "a", "c", "again"}, all(&q))
	require.Zero(t, q.Len())
}

func TestLongAndSmallFilesDoNotDelayEachOther(t *testing.T) {
	t.Parallel()
	var q Queue[string]
	q.AddMiddle("long")
	for _, name := range []string{"1", "2", "3"} {
		q.AddNew(name, Order{Name: name})
	}
	var order []string
	for range 6 {
		v, ok := q.Next(true)
		require.True(t, ok)
		order = append(order, v)
		if v == "long" {
			q.AddMiddle(v)
		}
	}
	require.Equal(t, []string{"1", "long", "2", "long", "3", "long"}, order)
}

func TestNewcomersWaitForAPlace(t *testing.T) {
	t.Parallel()
	var q Queue[string]
	q.AddNew("new", Order{})
	q.AddMiddle("a")
	q.AddMiddle("b")
	for _, want := range []string{"a", "b", "new"} {
		v, ok := q.Next(false)
		require.True(t, ok)
		require.Equal(t, want, v, "the newcomer comes when there is no other")
	}
}

func TestFilesInProgressTakeTurns(t *testing.T) {
	t.Parallel()
	var q Queue[int]
	for n := range 3 {
		q.AddMiddle(n)
	}
	for turn := range 1000 {
		v, ok := q.Next(true)
		require.True(t, ok)
		require.Equal(t, turn%3, v)
		q.AddMiddle(v)
		require.Equal(t, 3, q.Len())
	}
	require.Less(t, cap(q.middle), 1000, "it does not grow for ever")
}

func TestTimersComeInOrder(t *testing.T) {
	t.Parallel()
	var a Timers[string]
	_, ok := a.Next()
	require.False(t, ok)
	a.Set("late", 3*time.Second)
	a.Set("early", time.Second)
	at, ok := a.Next()
	require.True(t, ok)
	require.Equal(t, time.Second, at)
	_, ok = a.Due(time.Second - 1)
	require.False(t, ok)
	v, ok := a.Due(5 * time.Second)
	require.True(t, ok)
	require.Equal(t, "early", v)
	v, ok = a.Due(5 * time.Second)
	require.True(t, ok)
	require.Equal(t, "late", v)
	require.Zero(t, a.Len())
}
