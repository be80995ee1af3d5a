package replay

import (
	"slices"
	"sync"
	"time"
)

// Refused rows are sent again after firstPause, then after twice as long each time, up to longestPause.
const (
	firstPause   = 10 * time.Millisecond
	longestPause = time.Second
)

// Queue holds deliveries of type D until it is time to send them again. It is safe for concurrent use.
type Queue[D any] struct {
	due chan struct{}

	mu      sync.Mutex
	ready   []D
	waiting int
}

// NewQueue returns an empty queue.
func NewQueue[D any]() *Queue[D] { return &Queue[D]{due: make(chan struct{}, 1)} }

// Add queues a delivery that was refused so many times, to be sent again after a pause.
func (q *Queue[D]) Add(d D, refusals int) {
	q.mu.Lock()
	q.waiting++
	q.mu.Unlock()
	time.AfterFunc(pause(refusals), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.waiting--
		q.ready = append(q.ready, d)
		q.wake()
	})
}

// Due has a value when there is something to take.
func (q *Queue[D]) Due() <-chan struct{} { return q.due }

// Take returns the delivery that has been due for longest.
func (q *Queue[D]) Take() (d D, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) == 0 {
		return d, false
	}
	d = q.ready[0]
	q.ready = slices.Delete(q.ready, 0, 1)
	if len(q.ready) > 0 {
		q.wake()
	}
	return d, true
}

// Len returns how many deliveries are in the queue, due or not.
func (q *Queue[D]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting + len(q.ready)
}

func (q *Queue[D]) wake() {
	select {
	case q.due <- struct{}{}:
	default:
	}
}

// pause returns how long to wait after so many refusals.
func pause(refusals int) time.Duration {
	return min(longestPause, firstPause<<min(max(refusals-1, 0), 10))
}
