package pgvalue

import (
	"math"
	"time"
)

const (
	errNoTime    = reason("it has no time of day")
	errNoSuchOff = reason("there is no such time zone offset")
)

// timeEncoder writes time and timetz.
//
// A string is a time of day in ISO 8601, or left to the server. The zone is
// skipped for time, as PostgreSQL does. For timetz a missing zone is UTC. A time.Time gives its clock's reading, and its offset to timetz. A
// number is Unix seconds, so that 0 to 86399 count from midnight, in UTC.
type timeEncoder struct {
	refuseAll
	zoned bool
}

func (e *timeEncoder) write(dst []byte, micros, zone int64) []byte {
	dst = appendInt64(dst, micros)
	if e.zoned {
		dst = appendInt32(dst, int32(-zone)) // PostgreSQL counts to the west
	}
	return dst
}

func (e *timeEncoder) text(dst []byte, s string) ([]byte, error) {
	m, err := parseMoment(s)
	switch {
	case err != nil:
		return dst, err
	case !m.hasTime:
		return dst, errNoTime
	case m.hasDate:
		return dst, errNotMoment
	}
	return e.write(dst, m.micros, m.zone), nil
}

func (e *timeEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	_, zone := t.Zone()
	if zone <= -16*3600 || zone >= 16*3600 {
		return dst, errNoSuchOff
	}
	hour, minute, second := t.Clock()
	micros := int64(hour*3600+minute*60+second)*microsPerSecond + roundMicros(float64(t.Nanosecond())/1e9)
	return e.write(dst, micros, int64(zone)), nil
}

func (e *timeEncoder) integer(dst []byte, n int64) ([]byte, error) {
	return e.unix(dst, n, 0), nil
}

func (e *timeEncoder) float(dst []byte, f float64) ([]byte, error) {
	if math.IsInf(f, 0) {
		return dst, errNoTime
	}
	seconds, micros, err := splitSeconds(f)
	if err != nil {
		return dst, err
	}
	return e.unix(dst, seconds, micros), nil
}

func (e *timeEncoder) number(dst []byte, s string) ([]byte, error) {
	seconds, micros, err := parseSeconds(s)
	if err != nil {
		return dst, err
	}
	return e.unix(dst, seconds, micros), nil
}

func (e *timeEncoder) unix(dst []byte, seconds, micros int64) []byte {
	seconds %= secondsPerDay
	if seconds < 0 {
		seconds += secondsPerDay
	}
	return e.write(dst, seconds*microsPerSecond+micros, 0)
}
