package pgvalue

// decimal is a number in decimal text, taken apart without a copy. Its digits
// are those of text, a point among them skipped.
type decimal struct {
	text     string // digits and at most one point, from the first digit that is not 0
	digits   int    // how many digits text has
	before   int    // how many of them stand before the decimal point; may be less than 0 or more than digits
	scale    int    // digits after the point as it was written, 0 or more
	negative bool
}

// maxExponent bounds exponents before anything is added to them.
const maxExponent = 1 << 30

// parseDecimal reads an optional sign, digits with an optional point, and an
// optional exponent, as PostgreSQL's numeric and floats do.
func parseDecimal(s string) (decimal, error) {
	var d decimal
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		d.negative = s[i] == '-'
		i++
	}
	start, point, first, seen := i, -1, -1, 0
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && point < 0 {
			point = seen
			continue
		}
		if c-'0' > 9 {
			break
		}
		if first < 0 && c != '0' {
			first = i
			d.digits = -seen
		}
		seen++
	}
	end := i
	if seen == 0 || s[start:end] == "" {
		return d, errNotNumber
	}
	exponent, err := parseExponent(s[end:])
	if err != nil {
		return d, err
	}
	if point < 0 {
		point = seen
	}
	d.scale = max(0, seen-point-exponent)
	if first < 0 {
		d.digits, d.before = 0, 0
		return d, nil
	}
	d.text = s[first:end]
	d.before = point + d.digits + exponent // d.digits is minus the leading zeros here
	d.digits += seen
	return d, nil
}

// parseExponent reads what follows the digits of a number.
func parseExponent(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, errNotNumber
	}
	s = s[1:]
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, errNotNumber
	}
	n := 0
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, errNotNumber
		}
		if n = n*10 + int(c); n >= maxExponent {
			return 0, reason("its exponent is out of range")
		}
	}
	if negative {
		n = -n
	}
	return n, nil
}

func (d *decimal) zero() bool { return d.digits == 0 }

// int64 returns the number when it is integral and fits.
func (d *decimal) int64() (int64, error) {
	if d.zero() {
		return 0, nil
	}
	var n uint64
	at := 0
	for i := range len(d.text) {
		c := d.text[i]
		if c == '.' {
			continue
		}
		if at >= d.before {
			if c != '0' {
				return 0, errNotInteger
			}
			continue
		}
		if at++; at > 19 {
			if d.integral() {
				return 0, errTooBig
			}
			return 0, errNotInteger
		}
		n = n*10 + uint64(c-'0')
	}
	for ; at < d.before; at++ {
		if at >= 19 {
			return 0, errTooBig
		}
		n *= 10
	}
	switch {
	case d.negative && n == 1<<63:
		return -1 << 63, nil
	case n > 1<<63-1:
		return 0, errTooBig
	case d.negative:
		return -int64(n), nil
	}
	return int64(n), nil
}

// integral reports whether only zeros follow the decimal point.
func (d *decimal) integral() bool {
	at := 0
	for i := range len(d.text) {
		c := d.text[i]
		if c == '.' {
			continue
		}
		if at >= d.before && c != '0' {
			return false
		}
		at++
	}
	return true
}

// seconds returns the number as whole seconds, rounded down, and microseconds
// from 0 to 1e6, rounded to the nearest.
func (d *decimal) seconds() (seconds, micros int64, err error) {
	if d.before > 18 {
		return 0, 0, errTooBig
	}
	at := 0
	half := false
	for i := 0; i < len(d.text) && at-d.before <= 6; i++ {
		c := d.text[i]
		if c == '.' {
			continue
		}
		switch n := int64(c - '0'); {
		case at < d.before:
			seconds = seconds*10 + n
		case at < d.before+6:
			micros += n * int64(powersOfTen[5-(at-d.before)])
		case at == d.before+6:
			half = n >= 5
		}
		at++
	}
	for ; at < d.before; at++ {
		seconds *= 10
	}
	if half {
		micros++
	}
	if d.negative {
		seconds, micros = -seconds, -micros
		if micros < 0 {
			seconds, micros = seconds-1, micros+microsPerSecond
		}
	}
	return seconds, micros, nil
}
