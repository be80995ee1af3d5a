package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Span writes a time roughly, as people say it: 0.4 s, 12 s, 3 min, 2 h 5 min; shorter ones in ms.
func Span(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.2g ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// Size writes a number of bytes with two or three digits: 712 B, 1.2 MB.
func Size(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// Whole writes a number with its thousands apart.
func Whole(n int64) string { return humanize.Comma(n) }

// count writes a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Whole(n) + " " + many
}

func rows(n int64) string { return count(n, "row", "rows") }
