package status

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// bucketBase and bucketGrowth make 160 buckets reach from 0.1 ms to more
	// than a week, each 14 % wider than the one before: no quantile is further
	// off than that.
	bucketBase   = 100 * time.Microsecond
	bucketGrowth = 1.14
	bucketCount  = 176
)

// Histogram counts durations. The zero value is empty. It is safe for
// concurrent use.
type Histogram struct {
	counts [bucketCount]atomic.Int64
}

// Add counts a duration n times.
func (h *Histogram) Add(d time.Duration, n int64) {
	h.counts[bucketOf(d)].Add(n)
}

func (h *Histogram) addTo(b *buckets) {
	for i := range h.counts {
		b[i] += h.counts[i].Load()
	}
}

func bucketOf(d time.Duration) int {
	if d <= bucketBase {
		return 0
	}
	return min(bucketCount-1, 1+int(math.Log(float64(d)/float64(bucketBase))/math.Log(bucketGrowth)))
}

// buckets are the counts of a Histogram at one time, or between two times.
type buckets [bucketCount]int64

func (b *buckets) since(earlier *buckets) (d buckets) {
	for i := range b {
		d[i] = max(0, b[i]-earlier[i])
	}
	return d
}

func (b *buckets) add(o *buckets) {
	for i := range b {
		b[i] += o[i]
	}
}

// quantile returns the duration that the share q did not exceed: the upper end
// of its bucket. It is negative when nothing was counted.
func (b *buckets) quantile(q float64) time.Duration {
	var all int64
	for _, n := range b {
		all += n
	}
	if all == 0 {
		return -1
	}
	rank := int64(math.Ceil(q * float64(all)))
	var seen int64
	for i, n := range b {
		if seen += n; seen >= rank {
			return time.Duration(float64(bucketBase) * math.Pow(bucketGrowth, float64(i)))
		}
	}
	return -1
}
