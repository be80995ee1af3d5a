// Package plan decides which file is read next.
//
// Newcomers come in a given order, and every second turn is theirs; the other turns go round those that are in the
// middle. So a file that takes hours neither holds up small ones, nor is held up by an endless row of them.
package plan

import "container/heap"

// Order is where a newcomer stands: the lower comes first.
type Order struct {
	// Turns is how many turns it has had: one that could not stay open after its turn comes again behind those that
	// had fewer.
	Turns int
	// Time is any clock's reading; 0 for all when only names count.
	Time int64
	// Name settles equal times.
	Name string
}

func (o Order) before(p Order) bool {
	switch {
	case o.Turns != p.Turns:
		return o.Turns < p.Turns
	case o.Time != p.Time:
		return o.Time < p.Time
	default:
		return o.Name < p.Name
	}
}

// Queue holds what is to be read. The zero Queue is empty and ready. It is for one goroutine at a time.
type Queue[T any] struct {
	fresh   newcomers[T]
	middle  []T
	next    int
	forOpen bool
}

// AddNew puts v among the newcomers.
func (q *Queue[T]) AddNew(v T, o Order) { heap.Push(&q.fresh, newcomer[T]{v, o}) }

// AddMiddle puts v at the end of those that are in the middle.
func (q *Queue[T]) AddMiddle(v T) { q.middle = append(q.middle, v) }

// Len is how many there are.
func (q *Queue[T]) Len() int { return len(q.fresh) + q.Middle() }

// New is how many newcomers there are.
func (q *Queue[T]) New() int { return len(q.fresh) }

// Middle is how many there are in the middle.
func (q *Queue[T]) Middle() int { return len(q.middle) - q.next }

// Next takes out the one whose turn it is; false when there is none. Without place for a newcomer the turn is that of
// one in the middle, if there are any.
func (q *Queue[T]) Next(place bool) (v T, ok bool) {
	hasMiddle := q.next < len(q.middle)
	switch {
	case len(q.fresh) == 0 && !hasMiddle:
		return v, false
	case hasMiddle && (q.forOpen || !place || len(q.fresh) == 0):
		q.forOpen = false
		return q.popMiddle(), true
	default:
		q.forOpen = true
		return heap.Pop(&q.fresh).(newcomer[T]).v, true
	}
}

func (q *Queue[T]) popMiddle() T {
	var zero T
	v := q.middle[q.next]
	q.middle[q.next] = zero
	q.next++
	if q.next == len(q.middle) {
		q.middle, q.next = q.middle[:0], 0
	} else if q.next > 64 && q.next > len(q.middle)/2 {
		q.middle = append(q.middle[:0], q.middle[q.next:]...)
		q.next = 0
	}
	return v
}

type newcomer[T any] struct {
	v T
	o Order
}

type newcomers[T any] []newcomer[T]

func (n newcomers[T]) Len() int           { return len(n) }
func (n newcomers[T]) Less(i, j int) bool { return n[i].o.before(n[j].o) }
func (n newcomers[T]) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *newcomers[T]) Push(x any)        { *n = append(*n, x.(newcomer[T])) }
func (n *newcomers[T]) Pop() any {
	old := *n
	last := old[len(old)-1]
	old[len(old)-1] = newcomer[T]{}
	if *n = old[:len(old)-1]; len(*n) == 0 {
		*n = nil // there may have been many
	}
	return last
}
