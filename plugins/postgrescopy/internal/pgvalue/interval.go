package pgvalue

import (
	"math"
	"strconv"
	"strings"
)

const (
	errNotInterval   = reason("not an interval as ISO 8601 or PostgreSQL writes them")
	errIntervalRange = reason("out of range of an interval")
	errFraction      = reason("a fraction is taken only where it makes whole microseconds, and of no unit longer than a week")
	errHalf          = reason("it ends in half a microsecond, which versions of PostgreSQL round up or down")
	errBareNumber    = reason("the column keeps only some fields of an interval, so each number must name its unit")
)

// maxIntervalBytes is less than what PostgreSQL's own buffer takes in any case.
const maxIntervalBytes = 200

// intervalEncoder writes interval. A string is ISO 8601 (P1DT2H) or what
// PostgreSQL's default style writes and reads (1 day 02:00:00, 3 hours ago). A
// number is seconds.
type intervalEncoder struct {
	refuseAll
	fields bool // the column keeps some fields only, which moves what bare numbers mean
	narrow bool // the server reads no amount beyond an int32 from a text
}

// span is an interval as PostgreSQL stores it.
type span struct {
	micros       int64
	days, months int64
}

func (p span) append(dst []byte) ([]byte, error) {
	if p.days != int64(int32(p.days)) || p.months != int64(int32(p.months)) || p.isInfinite() {
		return dst, errIntervalRange
	}
	dst = appendInt64(dst, p.micros)
	dst = appendInt32(dst, int32(p.days))
	return appendInt32(dst, int32(p.months)), nil
}

// isInfinite says whether PostgreSQL 17 and later would read an infinity.
func (p span) isInfinite() bool {
	return (p.micros == math.MaxInt64 && p.days == math.MaxInt32 && p.months == math.MaxInt32) ||
		(p.micros == math.MinInt64 && p.days == math.MinInt32 && p.months == math.MinInt32)
}

func (e *intervalEncoder) text(dst []byte, s string) ([]byte, error) {
	if len(s) > maxIntervalBytes {
		return dst, errNotInterval
	}
	if e.narrow && hasWideAmount(s) {
		return dst, errIntervalRange
	}
	var p span
	var err error
	if s != "" && s[0] == 'P' {
		p, err = parseISOInterval(s)
	} else {
		p, err = parseInterval(s, !e.fields)
	}
	if err != nil {
		return dst, err
	}
	return p.append(dst)
}

// hasWideAmount says whether a number in s, leaving fractions out, goes beyond
// an int32.
func hasWideAmount(s string) bool {
	for i := 0; i < len(s); i++ {
		digits, rest := leadingDigits(s[i:])
		if digits == "" {
			continue
		}
		n, err := parseInteger(digits)
		if fraction := i > 0 && s[i-1] == '.'; !fraction && (err != nil || n > math.MaxInt32) {
			return true
		}
		i = len(s) - len(rest)
	}
	return false
}

func (e *intervalEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if n > math.MaxInt64/microsPerSecond || n < math.MinInt64/microsPerSecond {
		return dst, errIntervalRange
	}
	return span{micros: n * microsPerSecond}.append(dst)
}

func (e *intervalEncoder) float(dst []byte, f float64) ([]byte, error) {
	seconds, micros, err := splitSeconds(f)
	if err != nil {
		return dst, err
	}
	return appendSeconds(dst, seconds, micros)
}

func (e *intervalEncoder) number(dst []byte, s string) ([]byte, error) {
	seconds, micros, err := parseSeconds(s)
	if err != nil {
		return dst, err
	}
	return appendSeconds(dst, seconds, micros)
}

func appendSeconds(dst []byte, seconds, micros int64) ([]byte, error) {
	if seconds >= math.MaxInt64/microsPerSecond || seconds <= math.MinInt64/microsPerSecond {
		return dst, errIntervalRange
	}
	return span{micros: seconds*microsPerSecond + micros}.append(dst)
}

// unit is what one of it adds to an interval.
type unit struct {
	micros       int64
	days, months int64
	rank         int // no two parts of an interval may have the same one
}

var (
	unitMicrosecond = unit{micros: 1, rank: 1}
	unitMillisecond = unit{micros: 1000, rank: 2}
	unitSecond      = unit{micros: microsPerSecond, rank: 3}
	unitMinute      = unit{micros: 60 * microsPerSecond, rank: 4}
	unitHour        = unit{micros: 3600 * microsPerSecond, rank: 5}
	unitDay         = unit{days: 1, rank: 6}
	unitWeek        = unit{days: 7, rank: 7}
	unitMonth       = unit{months: 1, rank: 8}
	unitYear        = unit{months: 12, rank: 9}
	unitDecade      = unit{months: 120, rank: 10}
	unitCentury     = unit{months: 1200, rank: 11}
	unitMillennium  = unit{months: 12000, rank: 12}
)

var units = map[string]unit{
	"us": unitMicrosecond, "usec": unitMicrosecond, "usecs": unitMicrosecond, "microsecond": unitMicrosecond, "microseconds": unitMicrosecond,
	"ms": unitMillisecond, "msec": unitMillisecond, "msecs": unitMillisecond, "millisecond": unitMillisecond, "milliseconds": unitMillisecond,
	"s": unitSecond, "sec": unitSecond, "secs": unitSecond, "second": unitSecond, "seconds": unitSecond,
	"m": unitMinute, "min": unitMinute, "mins": unitMinute, "minute": unitMinute, "minutes": unitMinute,
	"h": unitHour, "hr": unitHour, "hrs": unitHour, "hour": unitHour, "hours": unitHour,
	"d": unitDay, "day": unitDay, "days": unitDay,
	"w": unitWeek, "week": unitWeek, "weeks": unitWeek,
	"mon": unitMonth, "mons": unitMonth, "month": unitMonth, "months": unitMonth,
	"y": unitYear, "yr": unitYear, "yrs": unitYear, "year": unitYear, "years": unitYear,
	"decade": unitDecade, "decades": unitDecade,
	"century": unitCentury, "centuries": unitCentury,
	"millennium": unitMillennium, "millennia": unitMillennium,
}

// amount is a number of units: digits before and after the point.
type amount struct {
	negative    bool
	whole, frac string
}

// add adds an amount of a unit.
func (p *span) add(a amount, u unit) error {
	n, err := parseInteger(a.whole)
	switch {
	case err != nil,
		u.micros == 0 && n > math.MaxInt32,
		u.micros > 0 && n > math.MaxInt64/u.micros-1:
		return errIntervalRange
	}
	sign := int64(1)
	if a.negative {
		sign = -1
	}
	p.days += sign * n * u.days
	p.months += sign * n * u.months
	if p.days != int64(int32(p.days)) || p.months != int64(int32(p.months)) {
		return errIntervalRange
	}
	micros := n * u.micros
	if a.frac != "" {
		more, err := p.fraction(a, u, sign)
		if err != nil {
			return err
		}
		micros += more
	}
	return p.addMicros(sign * micros)
}

// fraction gives the microseconds in the fraction of a unit, once its whole
// days are added.
func (p *span) fraction(a amount, u unit, sign int64) (int64, error) {
	if u.rank == unitSecond.rank {
		micros, _ := parseFraction("." + a.frac)
		if len(a.frac) > 6 && isTie(a.frac) {
			return 0, errHalf
		}
		return micros, nil
	}
	digits := strings.TrimRight(a.frac, "0")
	if u.months > 0 || len(digits) > 12 {
		if digits == "" {
			return 0, nil
		}
		return 0, errFraction
	}
	// Exact in integers, or not taken: 12 digits of a day's seconds fit.
	n := int64(atoi(digits))
	scale := int64(powersOfTen[len(digits)])
	if u.days > 0 {
		p.days += sign * (n * u.days / scale)
		n = n * u.days % scale
		seconds := n * secondsPerDay
		micros := seconds % scale * microsPerSecond
		if seconds%scale > math.MaxInt64/microsPerSecond || micros%scale != 0 {
			return 0, errFraction
		}
		return seconds/scale*microsPerSecond + micros/scale, nil
	}
	if n > math.MaxInt64/u.micros || n*u.micros%scale != 0 {
		return 0, errFraction
	}
	return n * u.micros / scale, nil
}

// isTie says whether a fraction of a second ends in half a microsecond, as far
// as a double can tell, which is how PostgreSQL sees it.
func isTie(digits string) bool {
	f, _ := strconv.ParseFloat("."+digits, 64)
	f *= microsPerSecond
	return f-math.Floor(f) == 0.5
}

func (p *span) addMicros(n int64) error {
	sum := p.micros + n
	if (sum > p.micros) != (n > 0) && n != 0 {
		return errIntervalRange
	}
	p.micros = sum
	return nil
}

func (p *span) negate() error {
	if p.micros == math.MinInt64 || p.days == math.MinInt32 || p.months == math.MinInt32 {
		return errIntervalRange
	}
	p.micros, p.days, p.months = -p.micros, -p.days, -p.months
	return nil
}
