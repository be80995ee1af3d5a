package plan

import (
	"container/heap"
	"time"
)

// Alarms holds what is to be looked at again at a certain time, which is told as the time since any one moment. The zero
// Alarms is empty and ready. It is for one goroutine at a time.
type Alarms[T any] struct {
	h alarms[T]
}

// Set asks for v at the time at. What is set twice comes twice.
func (a *Alarms[T]) Set(v T, at time.Duration) { heap.Push(&a.h, alarm[T]{v, at}) }

// Due takes out one whose time has come; false when there is none.
func (a *Alarms[T]) Due(now time.Duration) (v T, ok bool) {
	if len(a.h) == 0 || a.h[0].at > now {
		return v, false
	}
	return heap.Pop(&a.h).(alarm[T]).v, true
}

// Next is the earliest time asked for; false when there is none.
func (a *Alarms[T]) Next() (time.Duration, bool) {
	if len(a.h) == 0 {
		return 0, false
	}
	return a.h[0].at, true
}

// Len is how many there are.
func (a *Alarms[T]) Len() int { return len(a.h) }

type alarm[T any] struct {
	v  T
	at time.Duration
}

type alarms[T any] []alarm[T]

func (a alarms[T]) Len() int           { return len(a) }
func (a alarms[T]) Less(i, j int) bool { return a[i].at < a[j].at }
func (a alarms[T]) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms[T]) Push(x any)        { *a = append(*a, x.(alarm[T])) }
func (a *alarms[T]) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = alarm[T]{}
	*a = old[:len(old)-1]
	return last
}
