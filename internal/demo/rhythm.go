package demo

import (
	"fmt"
	"math"
	"time"
)

const (
	maxRate      = 1_000_000 // events/s; more than one machine makes
	minRate      = 0.01      // an event in 100 s
	maxFilesRate = 20        // files/s: a file waits 50 ms for its events at most
)

// rhythm is a rate as the generator knows it: a file of so many events every
// so often.
type rhythm struct {
	interval time.Duration
	batch    int
}

// rhythmOf spreads a rate over as many files as make sense, since an event's
// wait for its file to be full is a wait too.
func rhythmOf(rate float64) (rhythm, error) {
	if math.IsNaN(rate) || rate < minRate || rate > maxRate {
		return rhythm{}, fmt.Errorf("--rate %v: give events per second from %v to %d", rate, minRate, maxRate)
	}
	batch := int(math.Ceil(rate / maxFilesRate))
	interval := time.Duration(float64(batch) / rate * float64(time.Second))
	return rhythm{interval: interval, batch: batch}, nil
}
