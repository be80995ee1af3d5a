package plan

import (
	"container/heap"
	"time"
)

// Timers holds values with due times, as durations since a fixed time of the caller's choice. The zero Timers is empty.
// It is not safe for concurrent use.
type Timers[T any] struct {
	h timers[T]
}

// Set adds v with the due time at. A value may be added more than once.
func (a *Timers[T]) Set(v T, at time.Duration) { heap.Push(&a.h, timer[T]{v, at}) }

// Due removes and returns the earliest value if it is due.
func (a *Timers[T]) Due(now time.Duration) (v T, ok bool) {
	if len(a.h) == 0 || a.h[0].at > now {
		return v, false
	}
	return heap.Pop(&a.h).(timer[T]).v, true
}

// Next returns the earliest due time, false if there is none.
func (a *Timers[T]) Next() (time.Duration, bool) {
	if len(a.h) == 0 {
		return 0, false
	}
	return a.h[0].at, true
}

// Len returns the number of values.
func (a *Timers[T]) Len() int { return len(a.h) }

type timer[T any] struct {
	v  T
	at time.Duration
}

type timers[T any] []timer[T]

func (a timers[T]) Len() int           { return len(a) }
func (a timers[T]) Less(i, j int) bool { return a[i].at < a[j].at }
func (a timers[T]) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *timers[T]) Push(x any)        { *a = append(*a, x.(timer[T])) }
func (a *timers[T]) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = timer[T]{}
	if *a = old[:len(old)-1]; len(*a) == 0 {
		*a = nil // there may have been many
	}
	return last
}
