package demo

import (
	"fmt"
	"math"
	"time"
)

const (
	maxRate      = 1_000_000 // events/s; more than one machine generates
	minRate      = 0.01      // an event in 100 s
	maxFilesRate = 20        // files/s; an event waits at most 50 ms for its file
)

// schedule is a rate in the generator's settings: a file of batch events every
// interval.
type schedule struct {
	interval time.Duration
	batch    int
}

// scheduleOf returns the schedule for a rate. It has many small files, because an
// event's latency includes the wait for its file.
func scheduleOf(rate float64) (schedule, error) {
	if math.IsNaN(rate) || rate < minRate || rate > maxRate {
		return schedule{}, fmt.Errorf("--rate %v: give events per second from %v to %d", rate, minRate, maxRate)
	}
	batch := int(math.Ceil(rate / maxFilesRate))
	interval := time.Duration(float64(batch) / rate * float64(time.Second))
	return schedule{interval: interval, batch: batch}, nil
}
