// Package timetext parses timestamps in the formats that shops use, and recognises
// the format by itself.
package timetext

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxBytes   = 64 // of a text that can be a time
	shownBytes = 64 // of a value in an error

	firstMilli = 100_000_000_000    // 1973 in milliseconds, 5138 in seconds
	endMilli   = 10_000_000_000_000 // 2286; from here on it may be YYYYMMDDhhmmss
)

// The reasons that an error adds where the value alone does not show them.
const (
	reasonDay      = "there is no such day"
	reasonClock    = "there is no such time of day"
	reasonOffset   = "there is no such offset from UTC"
	reasonRange    = "Unix seconds and milliseconds are read from 0 to 9999999999999"
	reasonEight    = `eight digits may be a date or Unix seconds: read a date with ts_strptime("%Y%m%d")`
	reasonDayFirst = `it may begin with the day or the month: read it with ts_strptime, such as ts_strptime("%d.%m.%Y")`
)

// NotATime returns the error for a value, of which it shows the beginning.
func NotATime(value, reason string) error {
	text := "timestamp " + strconv.Quote(shorten(value)) + " is not a time"
	if reason != "" {
		text += ": " + reason
	}
	return errors.New(text)
}

// shorten cuts a value between two characters.
func shorten(s string) string {
	if len(s) <= shownBytes {
		return s
	}
	end := shownBytes
	for end > shownBytes-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// Parse reads a text; zone is that of texts that name none. The result is in UTC.
// An error shows the beginning of the text, and says what to do where that helps.
func Parse(text string, zone *time.Location) (time.Time, error) {
	s := strings.TrimSpace(text)
	if len(s) > maxBytes {
		return time.Time{}, NotATime(text, "")
	}
	digits := countDigits(s)
	var t time.Time
	var reason string
	ok := false
	switch {
	case digits == 4 && len(s) > 4 && (s[4] == '-' || s[4] == '/'):
		t, reason, ok = parseCivil(s, zone)
	case digits > 0 && (digits == len(s) || s[digits] == '.'):
		t, reason, ok = parseUnix(s, digits)
	}
	if !ok {
		if reason == "" && IsDayOrMonthFirst(s) {
			reason = reasonDayFirst
		}
		return time.Time{}, NotATime(text, reason)
	}
	return t, nil
}

// parseUnix reads seconds or milliseconds since 1970. The first digits bytes of s
// are the number before the fraction.
func parseUnix(s string, digits int) (t time.Time, reason string, ok bool) {
	if digits > 13 {
		return t, reasonRange, false
	}
	whole := int64(atoi(s[:digits]))
	nanos, rest, ok := parseFraction(s[digits:])
	switch {
	case !ok || rest != "":
		return t, "", false
	case digits == 8 && len(s) == 8:
		return t, reasonEight, false
	case whole < firstMilli:
		return time.Unix(whole, int64(nanos)).UTC(), "", true
	case whole < endMilli:
		return time.UnixMilli(whole).Add(time.Duration(nanos / 1000)).UTC(), "", true
	}
	return t, reasonRange, false
}

// parseCivil reads a date that begins with its year, and a time of day if there is
// one. s begins with four digits and a separator.
func parseCivil(s string, zone *time.Location) (t time.Time, reason string, ok bool) {
	year, separator := atoi(s[:4]), s[4]
	month, s, ok := oneOrTwoDigits(s[5:])
	if !ok || s == "" || s[0] != separator {
		return t, "", false
	}
	day, s, ok := oneOrTwoDigits(s[1:])
	if !ok {
		return t, "", false
	}
	if year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) {
		return t, reasonDay, false
	}
	if s == "" {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, zone).UTC(), "", true
	}
	if s[0] != 'T' && s[0] != 't' && s[0] != ' ' {
		return t, "", false
	}
	clock, s, ok := parseClock(strings.TrimLeft(s[1:], " "))
	if !ok {
		return t, "", false
	}
	if clock.hour > 23 || clock.minute > 59 || clock.second > 60 { // 60: a leap second
		return t, reasonClock, false
	}
	if s = strings.TrimLeft(s, " "); s == "" {
		return time.Date(year, time.Month(month), day, clock.hour, clock.minute, clock.second, clock.nanos, zone).UTC(), "", true
	}
	offset, reason, ok := parseOffset(s)
	if !ok {
		return t, reason, false
	}
	return time.Date(year, time.Month(month), day, clock.hour, clock.minute, clock.second-offset, clock.nanos, time.UTC), "", true
}

// clock is a time of day.
type clock struct{ hour, minute, second, nanos int }

// parseClock reads h:mm or hh:mm, with or without seconds and their fraction.
func parseClock(s string) (c clock, rest string, ok bool) {
	if c.hour, s, ok = oneOrTwoDigits(s); !ok || s == "" || s[0] != ':' {
		return c, s, false
	}
	if c.minute, s, ok = twoDigits(s[1:]); !ok || s == "" || s[0] != ':' {
		return c, s, ok
	}
	if c.second, s, ok = twoDigits(s[1:]); !ok {
		return c, s, false
	}
	c.nanos, s, ok = parseFraction(s)
	return c, s, ok
}

// parseFraction reads a point or comma and digits, of which those after the ninth
// are dropped, if s begins with a point or comma.
func parseFraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || (s[0] != '.' && s[0] != ',') {
		return 0, s, true
	}
	n := countDigits(s[1:])
	if n == 0 {
		return 0, s, false
	}
	for i := 1; i <= 9; i++ {
		nanos *= 10
		if i <= n {
			nanos += int(s[i] - '0')
		}
	}
	return nanos, s[1+n:], true
}

// parseOffset reads Z, UTC, GMT, ±hh, ±hhmm or ±hh:mm as seconds east of UTC.
func parseOffset(s string) (seconds int, reason string, ok bool) {
	if s[0] != '+' && s[0] != '-' {
		return 0, "", s == "Z" || s == "z" || strings.EqualFold(s, "UTC") || strings.EqualFold(s, "GMT")
	}
	hour, rest, ok := twoDigits(s[1:])
	if !ok {
		return 0, "", false
	}
	minute := 0
	if rest != "" {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		if minute, rest, ok = twoDigits(rest); !ok || rest != "" {
			return 0, "", false
		}
	}
	if hour > 15 || minute > 59 { // PostgreSQL's limit
		return 0, reasonOffset, false
	}
	seconds = hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, "", true
}

// IsDayOrMonthFirst reports whether s begins like 2.1.2026, 02/01/26 or 1-2-2026,
// in which either the day or the month may come first.
func IsDayOrMonthFirst(s string) bool {
	_, s, ok := oneOrTwoDigits(s)
	if !ok || s == "" || !strings.ContainsRune("./-", rune(s[0])) {
		return false
	}
	separator := s[0]
	_, s, ok = oneOrTwoDigits(s[1:])
	return ok && len(s) > 2 && s[0] == separator && countDigits(s[1:]) >= 2
}

func daysIn(month, year int) int {
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

func isDigit(c byte) bool { return c-'0' <= 9 }

func countDigits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func twoDigits(s string) (n int, rest string, ok bool) {
	if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
		return 0, s, false
	}
	return atoi(s[:2]), s[2:], true
}

func oneOrTwoDigits(s string) (n int, rest string, ok bool) {
	switch countDigits(s) {
	case 1:
		return atoi(s[:1]), s[1:], true
	case 2:
		return atoi(s[:2]), s[2:], true
	}
	return 0, s, false
}

// atoi reads digits.
func atoi(s string) (n int) {
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
