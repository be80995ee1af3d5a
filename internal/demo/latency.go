package demo

import (
	"math"
	"time"
)

// latencies is a histogram in constant memory. Its buckets grow by 2 %, which bounds
// the error of quantiles. The zero value is empty.
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

// quantile returns the q-quantile, rounded up to the end of its bucket. Without
// samples it is 0.
func (l *latencies) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(l.count)))
	var seen int64
	for bucket, n := range l.buckets {
		if seen += n; n > 0 && seen >= rank {
			if bucket == len(l.buckets)-1 { // unbounded
				return l.longest
			}
			upper := math.Pow(bucketGrowth, float64(bucket+1)) * float64(time.Microsecond)
			return min(time.Duration(upper), l.longest)
		}
	}
	return 0
}
