package status

import (
	"fmt"
	"strings"
	"time"
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

// Size writes a number of bytes with three digits: 712 B, 1.2 MB.
func Size(n int64) string {
	f, units := float64(n), "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	for f /= 1000; f >= 999.5 && len(units) > 1; f /= 1000 {
		units = units[1:]
	}
	if f < 10 {
		return fmt.Sprintf("%.1f %cB", f, units[0])
	}
	return fmt.Sprintf("%.0f %cB", f, units[0])
}

// Whole writes a number with its thousands apart.
func Whole(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// count writes a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Whole(n) + " " + many
}

func rows(n int64) string { return count(n, "row", "rows") }
