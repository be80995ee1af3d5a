// Package progress turns counts into the occasional line for a person who waits for long work.
package progress

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Every is how far apart lines are, and how long work must last to be spoken of.
const Every = 10 * time.Second

// Counts is how things stand.
type Counts struct {
	// Rows and Bytes were read since the start.
	Rows, Bytes int64
	// Left are the bytes that are known to be unread, in Files files.
	Left  int64
	Files int
}

// Meter watches counts. The zero Meter is ready.
type Meter struct {
	since  time.Time // when the work under way began; zero when there is none
	begun  Counts
	last   Counts
	spoken time.Time // the last line, or the beginning
	long   bool      // a line was given
}

// Update takes the counts and returns a line when one is due, else an empty string.
func (m *Meter) Update(now time.Time, c Counts) string {
	switch {
	case c.Left == 0 && m.since.IsZero():
		return ""
	case c.Left == 0:
		line := ""
		if m.long {
			took := now.Sub(m.since)
			rows := c.Rows - m.begun.Rows
			line = fmt.Sprintf("Caught up: %s rows in %s, %s rows/s", group(rows), round(took), rate(rows, took))
		}
		*m = Meter{}
		return line
	case m.since.IsZero():
		*m = Meter{since: now, begun: c, last: c, spoken: now}
		return ""
	case now.Sub(m.spoken) < Every:
		return ""
	}
	line := m.line(now, c)
	m.last, m.spoken, m.long = c, now, true
	return line
}

func (m *Meter) line(now time.Time, c Counts) string {
	window := now.Sub(m.spoken)
	rows, bytes := c.Rows-m.last.Rows, c.Bytes-m.last.Bytes
	done := c.Bytes - m.begun.Bytes
	var b strings.Builder
	fmt.Fprintf(&b, "Reading: %s rows/s, %d %% of %s done, %s in %s left",
		rate(rows, window), share(done, done+c.Left), size(done+c.Left), size(c.Left), files(c.Files))
	if bytes > 0 {
		left := float64(c.Left) / (float64(bytes) / window.Seconds())
		fmt.Fprintf(&b, ", about %s to go", round(time.Duration(math.Min(left, 1e9)*float64(time.Second))))
	} else {
		b.WriteString(", at a standstill: nothing more is read until earlier rows are acknowledged")
	}
	return b.String()
}

func share(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return int64(float64(part) / float64(whole) * 100)
}

func rate(n int64, d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	return group(int64(float64(n) / d.Seconds()))
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return group(int64(n)) + " files"
}

// group writes a number with commas between thousands.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, unit := float64(n), 0
	for v >= 1000 && unit < len(units)-1 {
		v /= 1000
		unit++
	}
	if unit == 0 || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, units[unit])
	}
	return fmt.Sprintf("%.1f %s", v, units[unit])
}

// round leaves as much of a duration as a person wants to know.
func round(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d < time.Hour:
		return d.Round(time.Second)
	default:
		return d.Round(time.Minute)
	}
}
