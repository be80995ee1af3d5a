package pgvalue

import (
	"math"
	"time"
)

// The first and the last microsecond, and day, of PostgreSQL's calendars.
const (
	minTimestamp = -211_813_488_000_000_000  // 4714-11-24 BC
	endTimestamp = 9_223_371_331_200_000_000 // 294277-01-01
	minDate      = -2_451_545                // 4714-11-24 BC
	endDate      = 2_145_031_949             // 5874898-01-01
	epochSeconds = unixToEpochDays * secondsPerDay
)

const (
	errInstantRange = reason("outside the years that PostgreSQL's timestamps span, 4713 BC to 294276")
	errDateRange    = reason("outside the years that PostgreSQL's dates span, 4713 BC to 5874897")
	errNoDate       = reason("it has no date")
	errNumberText   = reason("digits in a string are no timestamp; give Unix seconds as a number")
)

// timestampEncoder writes timestamp and timestamptz.
//
// A string is ISO 8601, or left to the server. For timestamptz one without a
// zone is in UTC; for timestamp the zone is skipped and the clock's reading
// kept, as PostgreSQL does, and a time.Time is treated alike. A number is Unix
// seconds with a fraction (in UTC for timestamp).
type timestampEncoder struct {
	refuseAll
	zoned bool
}

func (e *timestampEncoder) text(dst []byte, s string) ([]byte, error) {
	m, err := parseDatedMoment(s)
	if err != nil {
		return dst, err
	}
	zone := m.zone
	if !e.zoned {
		zone = 0
	}
	return appendTimestamp(dst, m.days*secondsPerDay-zone, m.micros)
}

func (e *timestampEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	seconds := t.Unix() - epochSeconds
	if !e.zoned {
		_, offset := t.Zone()
		seconds += int64(offset)
	}
	return appendTimestamp(dst, seconds, roundMicros(float64(t.Nanosecond())/1e9))
}

func (e *timestampEncoder) integer(dst []byte, n int64) ([]byte, error) {
	return appendUnix(dst, n, 0)
}

func (e *timestampEncoder) float(dst []byte, f float64) ([]byte, error) {
	if math.IsInf(f, 0) {
		return appendInfinity(dst, int(math.Copysign(1, f))), nil
	}
	seconds, micros, err := splitSeconds(f)
	if err != nil {
		return dst, err
	}
	return appendUnix(dst, seconds, micros)
}

func (e *timestampEncoder) number(dst []byte, s string) ([]byte, error) {
	seconds, micros, err := parseSeconds(s)
	if err != nil {
		return dst, err
	}
	return appendUnix(dst, seconds, micros)
}

func appendUnix(dst []byte, seconds, micros int64) ([]byte, error) {
	if seconds < math.MinInt64+epochSeconds {
		return dst, errInstantRange
	}
	return appendTimestamp(dst, seconds-epochSeconds, micros)
}

// appendTimestamp writes an instant in seconds since 2000 and microseconds on top.
func appendTimestamp(dst []byte, seconds, micros int64) ([]byte, error) {
	if seconds < minTimestamp/microsPerSecond-2*secondsPerDay || seconds > endTimestamp/microsPerSecond {
		return dst, errInstantRange
	}
	n := seconds*microsPerSecond + micros
	if n < minTimestamp || n >= endTimestamp {
		return dst, errInstantRange
	}
	return appendInt64(dst, n), nil
}

func appendInfinity(dst []byte, sign int) []byte {
	if sign > 0 {
		return appendInt64(dst, math.MaxInt64)
	}
	return appendInt64(dst, math.MinInt64)
}

// splitSeconds parts seconds into whole ones and microseconds, 0 to 1e6.
func splitSeconds(f float64) (seconds, micros int64, err error) {
	if math.IsNaN(f) {
		return 0, 0, errNotNumber
	}
	whole := math.Floor(f)
	if whole < -1e18 || whole > 1e18 {
		return 0, 0, errTooBig
	}
	return int64(whole), roundMicros(f - whole), nil
}

// parseSeconds reads a decimal number of seconds without passing through a
// float where it can.
func parseSeconds(s string) (seconds, micros int64, err error) {
	d, err := parseDecimal(s)
	if err != nil {
		return 0, 0, err
	}
	return d.seconds()
}

// parseDatedMoment is parseMoment for a text that must have a date. PostgreSQL
// reads many a number as a date, such as 45292 as a day of 2045; only YYYYMMDD
// is surely meant as one.
func parseDatedMoment(s string) (moment, error) {
	m, err := parseMoment(s)
	if err != nil {
		d, notNumber := parseDecimal(trimSpace(s))
		if notNumber == nil && (d.scale > 0 || len(trimSpace(s)) != len("YYYYMMDD")) {
			return m, errNumberText
		}
		return m, err
	}
	if !m.hasDate {
		return m, errNoDate
	}
	return m, nil
}

// dateEncoder writes date: the date of a string or a time.Time as it stands
// there, whatever time and zone follow; for a number of Unix seconds the day in
// UTC.
type dateEncoder struct{ refuseAll }

func (dateEncoder) text(dst []byte, s string) ([]byte, error) {
	m, err := parseDatedMoment(s)
	if err != nil {
		return dst, err
	}
	return appendDate(dst, m.days)
}

func (dateEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	year, month, day := t.Date()
	return appendDate(dst, daysSince2000(year, int(month), day))
}

func (dateEncoder) integer(dst []byte, n int64) ([]byte, error) {
	return appendDate(dst, unixDay(n))
}

func (dateEncoder) float(dst []byte, f float64) ([]byte, error) {
	switch {
	case math.IsInf(f, 1):
		return appendInt32(dst, math.MaxInt32), nil
	case math.IsInf(f, -1):
		return appendInt32(dst, math.MinInt32), nil
	}
	seconds, micros, err := splitSeconds(f)
	if err != nil {
		return dst, err
	}
	return appendDate(dst, unixDay(seconds+micros/microsPerSecond))
}

func (dateEncoder) number(dst []byte, s string) ([]byte, error) {
	seconds, micros, err := parseSeconds(s)
	if err != nil {
		return dst, err
	}
	return appendDate(dst, unixDay(seconds+micros/microsPerSecond))
}

func unixDay(seconds int64) int64 {
	day := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		day--
	}
	return day - unixToEpochDays
}

func appendDate(dst []byte, days int64) ([]byte, error) {
	if days < minDate || days >= endDate {
		return dst, errDateRange
	}
	return appendInt32(dst, int32(days)), nil
}
