package demo

import (
	"math"
	"time"
)

// latencies is a histogram whose buckets grow by 2 %: any quantile is told to
// within that, from any number of samples, in a few kilobytes. The zero value
// is empty.
type latencies struct {
	buckets [1024]int64
	count   int64
	longest time.Duration
}

const bucketGrowth = 1.02

// add counts a wait n times.
func (l *latencies) add(wait time.Duration, n int64) {
	bucket := 0
	if wait > time.Microsecond {
		bucket = int(math.Log(float64(wait)/float64(time.Microsecond)) / math.Log(bucketGrowth))
	}
	l.buckets[min(bucket, len(l.buckets)-1)] += n
	l.count += n
	l.longest = max(l.longest, wait)
}

// quantile returns the wait that the share q of the samples did not exceed:
// the upper end of its bucket, so never less than the truth. Without samples
// it is 0.
func (l *latencies) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(l.count)))
	var seen int64
	for bucket, n := range l.buckets {
		if seen += n; n > 0 && seen >= rank {
			if bucket == len(l.buckets)-1 { // it has no upper end
				return l.longest
			}
			upper := math.Pow(bucketGrowth, float64(bucket+1)) * float64(time.Microsecond)
			return min(time.Duration(upper), l.longest)
		}
	}
	return 0
}
