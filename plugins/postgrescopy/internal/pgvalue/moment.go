package pgvalue

import (
	"math"
	"strings"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
	unixToEpochDays = 10_957 // from 1970-01-01 to 2000-01-01, where PostgreSQL counts from
)

// moment is a date, a time of day, or both, as a text gave them.
type moment struct {
	hasDate bool
	days    int64 // since 2000-01-01
	hasTime bool
	micros  int64 // since midnight
	zone    int64 // seconds east of UTC
}

const (
	errNotMoment = unread("not a date or time that is read here")
	errEmpty     = reason("it is empty: to store NULL, make it null, as null_values of csv_watch does")
	errNoSuchNow = reason("a word whose meaning depends on the day of writing is not taken")
)

// parseMoment reads the forms that nearly all texts have:
//
//	[YYYY-MM-DD][T| ][hh:mm[:ss[.ffffff]]] [zone]
//
// where a zone is Z, UTC, ±hh, ±hhmm or ±hh:mm. All other forms that PostgreSQL
// knows are left to it.
func parseMoment(s string) (m moment, err error) {
	s = trimSpace(s)
	if !m.parse(s) {
		return m, refuseMoment(s)
	}
	return m, nil
}

func (m *moment) parse(s string) (ok bool) {
	if len(s) >= 10 && s[4] == '-' {
		if m.days, ok = parseDate(s[:10]); !ok {
			return false
		}
		m.hasDate = true
		if s = s[10:]; s == "" {
			return true
		}
		if s[0] != ' ' && s[0] != 'T' {
			return false
		}
		s = s[1:]
	}
	s, ok = m.parseTime(s)
	return ok && m.parseZone(s)
}

// refuseMoment returns why s is not read here. Words that stand for the time at
// which they are read would make another value of a row that is sent again.
func refuseMoment(s string) error {
	if s == "" {
		return errEmpty
	}
	if err := checkText(s); err != nil {
		return err
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r < 'a' || r > 'z' }) {
		switch word {
		case "now", "today", "tomorrow", "yesterday":
			return errNoSuchNow
		}
	}
	return errNotMoment
}

// parseDate reads YYYY-MM-DD as days since 2000-01-01.
func parseDate(s string) (days int64, ok bool) {
	century, ok1 := twoDigits(s)
	year, ok2 := twoDigits(s[2:])
	month, ok3 := twoDigits(s[5:])
	day, ok4 := twoDigits(s[8:])
	year += century * 100
	if !ok1 || !ok2 || !ok3 || !ok4 || s[7] != '-' || year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return daysSince2000(year, month, day), true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince2000 counts days in the Gregorian calendar; year 0 is 1 BC.
func daysSince2000(year, month, day int) int64 {
	// Years that start in March have their leap day at the end.
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return int64(era)*146_097 + int64(dayOfEra) - 730_425 // days from 0000-03-01 to 2000-01-01
}

// parseTime reads hh:mm with optional seconds and fraction.
func (m *moment) parseTime(s string) (rest string, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return s, false
	}
	hour, ok1 := twoDigits(s)
	minute, ok2 := twoDigits(s[3:])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return s, false
	}
	m.hasTime = true
	m.micros = int64(hour*3600+minute*60) * microsPerSecond
	s = s[5:]
	if len(s) < 3 || s[0] != ':' {
		return s, true
	}
	second, ok := twoDigits(s[1:])
	if !ok || second > 59 {
		return s, false
	}
	m.micros += int64(second) * microsPerSecond
	s = s[3:]
	if len(s) < 2 || s[0] != '.' || !isDigit(s[1]) {
		return s, true
	}
	micros, s, ok := parseFraction(s)
	m.micros += micros
	return s, ok
}

// parseFraction reads a point and up to 15 digits, and rounds them to
// microseconds as PostgreSQL does: through a double, to the nearest and from the
// middle to the even one.
func parseFraction(s string) (micros int64, rest string, ok bool) {
	i, n := 1, int64(0)
	for ; i < len(s) && isDigit(s[i]); i++ {
		if i > 15 {
			return 0, s, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	if digits := i - 1; digits > 6 { // both exact in a double, so the quotient is the nearest one
		return roundMicros(float64(n) / powersOfTen[digits]), s[i:], true
	}
	return n * int64(powersOfTen[7-i]), s[i:], true
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func roundMicros(seconds float64) int64 {
	return int64(math.RoundToEven(seconds * microsPerSecond))
}

// parseZone reads all of s as a zone, if it is not empty.
func (m *moment) parseZone(s string) (ok bool) {
	if len(s) > 1 && s[0] == ' ' {
		s = s[1:]
	}
	switch {
	case s == "" || s == "Z" || s == "UTC":
		return true
	case s[0] != '+' && s[0] != '-':
		return false
	}
	hour, ok := twoDigits(s[1:])
	minute := 0
	if rest := s[min(3, len(s)):]; ok && rest != "" {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		minute, ok = twoDigits(rest)
		ok = ok && len(rest) == 2
	}
	if !ok || hour > 15 || minute > 59 {
		return false
	}
	m.zone = int64(hour*3600 + minute*60)
	if s[0] == '-' {
		m.zone = -m.zone
	}
	return true
}

// twoDigits reads the first two characters of s as digits.
func twoDigits(s string) (n int, ok bool) {
	if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}
