package pgvalue

import "strings"

// parseISOInterval reads ISO 8601's designators in their order, with a sign
// before any number: P1Y2M3W4DT5H6M7.8S.
func parseISOInterval(s string) (span, error) {
	var p span
	s = s[1:]
	inTime, some := false, false
	order := unitMillennium.rank
	for s != "" {
		if s[0] == 'T' && !inTime {
			inTime, some = true, false
			s = s[1:]
			continue
		}
		a, rest, ok := parseAmount(s)
		if !ok || rest == "" {
			return p, errNotInterval
		}
		u, ok := isoUnit(rest[0], inTime)
		if !ok || u.rank >= order {
			return p, errNotInterval
		}
		if err := p.add(a, u); err != nil {
			return p, err
		}
		order, some, s = u.rank, true, rest[1:]
	}
	if !some {
		return p, errNotInterval
	}
	return p, nil
}

func isoUnit(c byte, inTime bool) (unit, bool) {
	switch {
	case inTime && c == 'H':
		return unitHour, true
	case inTime && c == 'M':
		return unitMinute, true
	case inTime && c == 'S':
		return unitSecond, true
	case inTime:
		return unit{}, false
	case c == 'Y':
		return unitYear, true
	case c == 'M':
		return unitMonth, true
	case c == 'W':
		return unitWeek, true
	case c == 'D':
		return unitDay, true
	}
	return unit{}, false
}

// parseAmount reads an optional minus, digits, and an optional point with
// digits after it.
func parseAmount(s string) (a amount, rest string, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		a.negative = s[0] == '-'
		s = s[1:]
	}
	a.whole, s = leadingDigits(s)
	if a.whole == "" {
		return a, s, false
	}
	if s != "" && s[0] == '.' {
		if a.frac, s = leadingDigits(s[1:]); a.frac == "" {
			return a, s, false
		}
	}
	return a, s, true
}

func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// parseInterval reads PostgreSQL's own forms: an optional @, amounts with their
// units, years-months at the start, hh:mm[:ss[.f]] at the end with days before
// it, and ago. A number alone is seconds, if bare says so.
func parseInterval(s string, bare bool) (span, error) {
	var p span
	s = trimSpace(s)
	if s != "" && s[0] == '@' {
		s, _ = skipSpaces(s[1:])
	}
	s, ago := cutAgo(s)
	if s == "" {
		return p, errNotInterval
	}
	var seen [16]bool
	take := func(u unit) bool {
		fresh := !seen[u.rank]
		seen[u.rank] = true
		return fresh
	}
	for first := true; s != ""; first = false {
		rest, err := p.parsePart(s, first, bare, ago, take)
		if err != nil {
			return p, err
		}
		s, _ = skipSpaces(rest)
	}
	if ago {
		return p, p.negate()
	}
	return p, nil
}

// cutAgo cuts the word ago from the end.
func cutAgo(s string) (string, bool) {
	if n := len(s) - 3; n > 0 && equalFold(s[n:], "ago") && isSpace(s[n-1]) {
		return trimSpace(s[:n]), true
	}
	return s, false
}

// parsePart reads one amount with what belongs to it.
func (p *span) parsePart(s string, first, bare, ago bool, take func(unit) bool) (string, error) {
	if time, ok := timePart(s); ok {
		return "", p.parseClock(time, bare, take)
	}
	a, rest, ok := parseAmount(s)
	if !ok {
		return s, errNotInterval
	}
	if rest != "" && rest[0] == '-' && first && a.frac == "" {
		return p.parseYearsMonths(a, rest[1:], bare, take)
	}
	rest, spaced := skipSpaces(rest)
	if rest == "" {
		if !bare {
			return s, errBareNumber
		}
		if ago || !take(unitSecond) || !take(unitMillisecond) || !take(unitMicrosecond) {
			return s, errNotInterval
		}
		return "", p.add(a, unitSecond)
	}
	if _, ok := timePart(rest); ok && spaced && a.frac == "" {
		if !bare {
			return s, errBareNumber
		}
		if !take(unitDay) || !take(unitWeek) {
			return s, errNotInterval
		}
		return rest, p.add(a, unitDay)
	}
	return p.parseNamed(a, rest, take)
}

// parseNamed reads the unit of an amount.
func (p *span) parseNamed(a amount, s string, take func(unit) bool) (string, error) {
	end := 0
	for end < len(s) && toLower(s[end])-'a' <= 'z'-'a' {
		end++
	}
	u, ok := units[strings.ToLower(s[:end])]
	if !ok || !take(u) {
		return s, errNotInterval
	}
	// A fraction of a second is its milliseconds and microseconds.
	if u.rank == unitSecond.rank && a.frac != "" && (!take(unitMillisecond) || !take(unitMicrosecond)) {
		return s, errNotInterval
	}
	// As in 1h30m: PostgreSQL parts a word from digits at once after it only
	// where the word is also one of its dates' keywords.
	rest := s[end:]
	if rest != "" && !isSpace(rest[0]) && (end > 1 || !isDigit(rest[0]) || !contains("hmsdy", toLower(s[0]))) {
		return s, errNotInterval
	}
	return rest, p.add(a, u)
}

// parseYearsMonths reads the months of 1-2, whose sign is that of the years.
func (p *span) parseYearsMonths(years amount, s string, bare bool, take func(unit) bool) (string, error) {
	months, rest := leadingDigits(s)
	if months == "" || len(months) > 2 || atoi(months) > 11 || (rest != "" && !isSpace(rest[0])) {
		return s, errNotInterval
	}
	if !bare {
		return s, errBareNumber
	}
	take(unitYear)
	take(unitMonth)
	if err := p.add(years, unitYear); err != nil {
		return s, err
	}
	return rest, p.add(amount{negative: years.negative, whole: months}, unitMonth)
}

// timePart says whether s is a signed time and nothing else: digits and a colon.
func timePart(s string) (string, bool) {
	digits := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits = s[1:]
	}
	whole, rest := leadingDigits(digits)
	return s, whole != "" && rest != "" && rest[0] == ':'
}

// parseClock reads [sign]h:mm[:ss[.f]], the sign being that of all of it.
func (p *span) parseClock(s string, bare bool, take func(unit) bool) error {
	hours, rest, _ := parseAmount(s) // timePart has seen digits and a colon
	if hours.frac != "" || len(hours.whole) > 9 {
		return errNotInterval
	}
	minute, rest, ok := twoDigits(rest[1:])
	if !ok || minute > 59 {
		return errNotInterval
	}
	micros := int64(minute) * unitMinute.micros
	if rest != "" {
		if rest[0] != ':' {
			return errNotInterval
		}
		second, fraction, ok := twoDigits(rest[1:])
		if !ok || second > 59 {
			return errNotInterval
		}
		micros += int64(second) * microsPerSecond
		if fraction != "" {
			digits, rest := leadingDigits(fraction[1:])
			if fraction[0] != '.' || digits == "" || rest != "" {
				return errNotInterval
			}
			more, _ := parseFraction(fraction)
			micros += more
		}
	} else if !bare {
		return errBareNumber
	}
	for _, u := range []unit{unitHour, unitMinute, unitSecond, unitMillisecond, unitMicrosecond} {
		if !take(u) {
			return errNotInterval
		}
	}
	if err := p.add(hours, unitHour); err != nil {
		return err
	}
	if hours.negative {
		micros = -micros
	}
	return p.addMicros(micros)
}
