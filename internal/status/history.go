package status

import (
	"math"
	"time"
)

// historyLength is how many seconds are kept. A Point takes 48 bytes, so that an
// hour takes 170 kB.
const historyLength = 3600

// Point is one second.
type Point struct {
	At                              int64 // seconds since 1970
	In, Stored, Skipped, Rejected   float32
	P50, P99                        float32 // seconds; NaN when nothing was stored
	Backlog                         int64   // bytes
	Level                           Level
	AwaitingFiles, Reading, Mapping uint8 // percent; the rest is the database's
}

// history is a ring of the last hour.
type history struct {
	points [historyLength]Point
	next   int
	full   bool
}

func (h *history) add(p Point) {
	h.points[h.next] = p
	if h.next++; h.next == historyLength {
		h.next, h.full = 0, true
	}
}

// list returns the points, oldest first.
func (h *history) list() []Point {
	if !h.full {
		return append([]Point(nil), h.points[:h.next]...)
	}
	return append(append(make([]Point, 0, historyLength), h.points[h.next:]...), h.points[:h.next]...)
}

// History returns the last hour, a Point a second, oldest first.
func (b *Board) History() []Point {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.history.list()
}

func pointOf(now time.Time, step *totals, s stand) Point {
	seconds := max(step.took.Seconds(), 0.001)
	rate := func(n int64) float32 { return float32(float64(n) / seconds) }
	shares := step.shares()
	return Point{
		At: now.Unix(), In: rate(step.Read), Stored: rate(step.Stored),
		Skipped: rate(step.SkippedKey + step.SkippedLedger), Rejected: rate(step.Rejected),
		P50: inSeconds(step.latency.quantile(0.50)), P99: inSeconds(step.latency.quantile(0.99)),
		Backlog: s.Backlog, Level: s.verdict.Level,
		AwaitingFiles: percent(shares.AwaitingFiles), Reading: percent(shares.Reading), Mapping: percent(shares.Mapping),
	}
}

func inSeconds(d time.Duration) float32 {
	if d < 0 {
		return float32(math.NaN())
	}
	return float32(d.Seconds())
}

func percent(share float64) uint8 { return uint8(math.Round(100 * min(1, max(0, share)))) }

// recent are the last steps, for figures that should not flicker.
type recent struct {
	steps [60]totals
	next  int
	count int
}

func (r *recent) add(step *totals) {
	r.steps[r.next] = *step
	r.next = (r.next + 1) % len(r.steps)
	r.count = min(r.count+1, len(r.steps))
}

// over sums up the last n seconds, or fewer while there are fewer.
func (r *recent) over(n int) (sum totals) {
	for i := range min(n, r.count) {
		sum.add(&r.steps[(r.next-1-i+2*len(r.steps))%len(r.steps)])
	}
	return sum
}

// LastPoint returns the latest second; the zero Point when there is none yet.
func (b *Board) LastPoint() Point {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.history.next == 0 && !b.history.full {
		return Point{}
	}
	return b.history.points[(b.history.next-1+historyLength)%historyLength]
}
