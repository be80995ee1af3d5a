package pgvalue

import (
	"math"
	"strconv"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
	unixToEpochDays = 10_957 // from 1970-01-01 to 2000-01-01, where PostgreSQL counts from
)

// maxMomentBytes is less than what PostgreSQL's own buffer takes in any case.
const maxMomentBytes = 120

// moment is a date, a time of day, or both, as a text gave them.
type moment struct {
	infinity int // 1 or -1: the text was infinity or -infinity
	hasDate  bool
	compact  bool  // the date was YYYYMMDD, or a T stood after it
	days     int64 // since 2000-01-01
	hasTime  bool
	micros   int64 // since midnight, up to and with 24:00:00
	hasZone  bool
	zone     int64 // seconds east of UTC
}

const (
	errNotMoment = reason("not a date or time in ISO 8601 or RFC 3339 form")
	errNoSuchDay = reason("there is no such day")
	errNoSuchNow = reason("a word whose meaning depends on the day of writing is not taken")
	errZoneName  = reason("time zones are taken as an offset such as +02:00, or as Z, UTC or GMT, not by another name")
	errNoSuchHMS = reason("there is no such time of day")
	errNoSuchOff = reason("there is no such time zone offset")
)

// parseMoment reads the ISO forms of PostgreSQL's dates and times:
//
//	[YYYY-MM-DD] [T] [hh:mm[:ss[.ffffff]]] [zone] [BC]
//
// with / for -, with the basic forms YYYYMMDD and hhmmss, and infinity. A zone
// is Z, UTC, GMT, ±hh, ±hhmm, ±hh:mm or ±hh:mm:ss. It refuses everything whose
// reading depends on DateStyle, on the day, or on the server's zone tables.
func parseMoment(s string) (moment, error) {
	var m moment
	s = trimSpace(s)
	if s == "" || len(s) > maxMomentBytes {
		return m, errNotMoment
	}
	if !isDigit(s[0]) {
		return parseInfinity(s)
	}
	var err error
	if looksLikeTime(s) {
		s, err = m.parseTime(s)
	} else {
		s, err = m.parseDateAndTime(s)
	}
	if err != nil {
		return m, err
	}
	if s != "" {
		return m, refuseRest(s)
	}
	return m, nil
}

// parseInfinity reads what does not start with a digit.
func parseInfinity(s string) (moment, error) {
	switch {
	case equalFold(s, "infinity"):
		return moment{infinity: 1}, nil
	case equalFold(s, "-infinity"):
		return moment{infinity: -1}, nil
	}
	for _, word := range []string{"now", "today", "tomorrow", "yesterday", "epoch", "allballs"} {
		if equalFold(s, word) {
			return moment{}, errNoSuchNow
		}
	}
	return moment{}, errNotMoment
}

// refuseRest says why what follows the last part is not understood.
func refuseRest(s string) error {
	s = trimSpace(s)
	if s != "" && (toLower(s[0])-'a' <= 'z'-'a') {
		return errZoneName
	}
	return errNotMoment
}

// looksLikeTime says whether s starts with hh:.
func looksLikeTime(s string) bool {
	return (len(s) > 1 && s[1] == ':') || (len(s) > 2 && s[2] == ':')
}

func (m *moment) parseDateAndTime(text string) (string, error) {
	year, month, day, s, err := parseDate(text)
	if err != nil {
		return s, err
	}
	m.compact = isDigit(text[4]) && len(text)-len(s) == 8
	rest, spaced := skipSpaces(s)
	if len(rest) > 1 && toLower(rest[0]) == 't' && isDigit(rest[1]) && !spaced {
		rest, m.compact = rest[1:], true
		if !looksLikeTime(rest) {
			s, err = m.parseBasicTime(rest)
		} else {
			s, err = m.parseTime(rest)
		}
	} else if spaced && rest != "" && isDigit(rest[0]) {
		s, err = m.parseTime(rest)
	}
	if err != nil {
		return s, err
	}
	if rest, spaced := skipSpaces(s); spaced && equalFold(rest, "bc") {
		year, s = 1-year, ""
	} else if spaced && equalFold(rest, "ad") {
		s = ""
	}
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return s, errNoSuchDay
	}
	m.hasDate = true
	m.days = daysSince2000(year, month, day)
	return s, nil
}

// parseDate reads YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD. The year has four digits
// or more, so that it cannot be a day or a month, and is not 0.
func parseDate(s string) (year, month, day int, rest string, err error) {
	digits := 0
	for digits < len(s) && isDigit(s[digits]) {
		digits++
	}
	if digits < 4 || digits > 8 {
		return 0, 0, 0, s, errNotMoment
	}
	basic := digits == 8
	if basic {
		year, month, day, rest = atoi(s[:4]), atoi(s[4:6]), atoi(s[6:8]), s[8:]
	} else {
		year = atoi(s[:digits])
		if digits == len(s) || (s[digits] != '-' && s[digits] != '/') {
			return 0, 0, 0, s, errNotMoment
		}
		separator := s[digits]
		var ok bool
		if month, rest, ok = oneOrTwoDigits(s[digits+1:]); !ok || rest == "" || rest[0] != separator {
			return 0, 0, 0, s, errNotMoment
		}
		if day, rest, ok = oneOrTwoDigits(rest[1:]); !ok {
			return 0, 0, 0, s, errNotMoment
		}
	}
	if year == 0 {
		return 0, 0, 0, s, errNoSuchDay
	}
	return year, month, day, rest, nil
}

// parseTime reads h:mm or hh:mm with optional seconds and fraction, and what
// zone follows.
func (m *moment) parseTime(s string) (string, error) {
	hour, s, ok := oneOrTwoDigits(s)
	if !ok || s == "" || s[0] != ':' {
		return s, errNotMoment
	}
	minute, s, ok := twoDigits(s[1:])
	if !ok {
		return s, errNotMoment
	}
	second := 0
	if s != "" && s[0] == ':' {
		if second, s, ok = twoDigits(s[1:]); !ok {
			return s, errNotMoment
		}
		return m.finishTime(s, hour, minute, second, true)
	}
	return m.finishTime(s, hour, minute, second, false)
}

// parseBasicTime reads hhmmss, with an optional fraction and zone.
func (m *moment) parseBasicTime(s string) (string, error) {
	if len(s) < 6 || (len(s) > 6 && isDigit(s[6])) {
		return s, errNotMoment
	}
	for i := range 6 {
		if !isDigit(s[i]) {
			return s, errNotMoment
		}
	}
	return m.finishTime(s[6:], atoi(s[:2]), atoi(s[2:4]), atoi(s[4:6]), true)
}

// finishTime reads the fraction, if there may be one, and the zone.
func (m *moment) finishTime(s string, hour, minute, second int, fraction bool) (string, error) {
	micros := int64(0)
	if fraction && len(s) > 1 && s[0] == '.' && isDigit(s[1]) {
		micros, s = parseFraction(s)
	}
	if hour > 24 || minute > 59 || second > 60 || (second == 60 && micros > 0) {
		return s, errNoSuchHMS
	}
	m.hasTime = true
	m.micros = int64(hour*3600+minute*60+second)*microsPerSecond + micros
	if m.micros > microsPerDay {
		return s, errNoSuchHMS
	}
	return m.parseZone(s)
}

// parseFraction reads a point and digits, and rounds them to microseconds as
// PostgreSQL does: through a double, to the nearest and from the middle to the
// even one.
func parseFraction(s string) (micros int64, rest string) {
	i, n := 1, int64(0)
	for ; i < len(s) && isDigit(s[i]); i++ {
		if i <= 15 {
			n = n*10 + int64(s[i]-'0')
		}
	}
	digits := i - 1
	switch {
	case digits <= 6:
		return n * int64(powersOfTen[6-digits]), s[i:]
	case digits <= 15: // both exact in a double, so the quotient is the nearest one
		return roundMicros(float64(n) / powersOfTen[digits]), s[i:]
	}
	f, _ := strconv.ParseFloat(s[:i], 64)
	return roundMicros(f), s[i:]
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func roundMicros(seconds float64) int64 {
	return int64(math.RoundToEven(seconds * microsPerSecond))
}

// parseZone reads a zone if one stands there.
func (m *moment) parseZone(s string) (string, error) {
	rest, _ := skipSpaces(s)
	if rest == "" {
		return s, nil
	}
	switch c := rest[0]; {
	case c == '+' || c == '-':
		return m.parseOffset(rest)
	case toLower(c) == 'z':
		m.hasZone = true
		return rest[1:], nil
	case len(rest) >= 3 && (equalFold(rest[:3], "utc") || equalFold(rest[:3], "gmt")):
		m.hasZone = true
		return rest[3:], nil
	}
	return s, nil
}

// parseOffset reads ±hh, ±hhmm, ±hh:mm or ±hh:mm:ss.
func (m *moment) parseOffset(s string) (string, error) {
	sign := int64(1)
	if s[0] == '-' {
		sign = -1
	}
	hour, rest, ok := twoDigits(s[1:])
	if !ok {
		return s, errNoSuchOff
	}
	minute, second := 0, 0
	if rest != "" && isDigit(rest[0]) {
		if minute, rest, ok = twoDigits(rest); !ok {
			return s, errNoSuchOff
		}
	} else if rest != "" && rest[0] == ':' {
		if minute, rest, ok = twoDigits(rest[1:]); !ok {
			return s, errNoSuchOff
		}
		if rest != "" && rest[0] == ':' {
			if second, rest, ok = twoDigits(rest[1:]); !ok {
				return s, errNoSuchOff
			}
		}
	}
	if hour > 15 || minute > 59 || second > 59 {
		return s, errNoSuchOff
	}
	m.hasZone = true
	m.zone = sign * int64(hour*3600+minute*60+second)
	return rest, nil
}

// twoDigits reads exactly two digits, with none after them.
func twoDigits(s string) (n int, rest string, ok bool) {
	if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
		return 0, s, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), s[2:], true
}

func oneOrTwoDigits(s string) (n int, rest string, ok bool) {
	if n, rest, ok = twoDigits(s); ok {
		return n, rest, true
	}
	if s == "" || !isDigit(s[0]) {
		return 0, s, false
	}
	return int(s[0] - '0'), s[1:], true
}

func skipSpaces(s string) (rest string, skipped bool) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return s[i:], i > 0
}

// atoi reads digits that were checked before.
func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
