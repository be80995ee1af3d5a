// Package progress turns counts into an occasional log line about long work.
package progress

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Every is the time between two lines, and how long work must last to get any.
const Every = 10 * time.Second

// Counts is the state of the work.
type Counts struct {
	// Rows and Bytes were read since the start.
	Rows, Bytes int64
	// Left is the number of bytes known to be unread, in Files files.
	Left  int64
	Files int
}

// Meter follows counts. The zero Meter is ready to use.
type Meter struct {
	since  time.Time // when the current work began; zero when there is none
	begun  Counts
	last   Counts
	spoken time.Time // of the last line, or the beginning
	long   bool      // there was a line
	still  int       // lines in a row between which nothing was read
}

// Update takes the counts and returns a line when one is due, or else an empty string.
func (m *Meter) Update(now time.Time, c Counts) string {
	switch {
	case c.Left == 0 && m.since.IsZero():
		return ""
	case c.Left == 0:
		line := ""
		if m.long {
			took := now.Sub(m.since)
			rows := c.Rows - m.begun.Rows
			line = fmt.Sprintf("Caught up: %s rows in %s, %s rows/s", humanize.Comma(rows), round(took), rate(rows, took))
		}
		*m = Meter{}
		return line
	case m.since.IsZero():
		*m = Meter{since: now, begun: c, last: c, spoken: now}
		return ""
	case now.Sub(m.spoken) < m.pause(c):
		return ""
	}
	line := m.line(now, c)
	if m.still++; c.Bytes != m.last.Bytes {
		m.still = 0
	}
	m.last, m.spoken, m.long = c, now, true
	return line
}

// pause returns the time between the last line and the next: Every, or while nothing is
// read twice as long each time, up to an hour.
func (m *Meter) pause(c Counts) time.Duration {
	if c.Bytes != m.last.Bytes {
		return Every
	}
	return min(Every<<min(m.still, 10), time.Hour)
}

func (m *Meter) line(now time.Time, c Counts) string {
	window := now.Sub(m.spoken)
	rows, bytes := c.Rows-m.last.Rows, c.Bytes-m.last.Bytes
	done := c.Bytes - m.begun.Bytes
	var b strings.Builder
	fmt.Fprintf(&b, "Reading: %s rows/s, %d %% of %s done, %s in %s left",
		rate(rows, window), share(done, done+c.Left), humanize.Bytes(uint64(done+c.Left)), humanize.Bytes(uint64(c.Left)), files(c.Files))
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
	return humanize.Comma(int64(float64(n) / d.Seconds()))
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return humanize.Comma(int64(n)) + " files"
}

// round drops the digits of a duration that nobody reads.
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
