package pgvalue

import (
	"errors"
	"math"
	"strings"
)

const errNotInteger = reason("not an integer")

// integerEncoder writes smallint, integer and bigint.
//
// A string is an optional sign and decimal digits, which every version of
// PostgreSQL reads; what newer versions read beside is left to the server. A
// float must be integral, and so must a json.Number.
type integerEncoder struct {
	refuseAll
	size     int // bytes: 2, 4 or 8
	min, max int64
}

var (
	int2Encoder = &integerEncoder{size: 2, min: math.MinInt16, max: math.MaxInt16}
	int4Encoder = &integerEncoder{size: 4, min: math.MinInt32, max: math.MaxInt32}
	int8Encoder = &integerEncoder{size: 8, min: math.MinInt64, max: math.MaxInt64}
)

func (e *integerEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if n < e.min || n > e.max {
		return dst, e.outOfRange()
	}
	switch e.size {
	case 8:
		return appendInt64(dst, n), nil
	case 4:
		return appendInt32(dst, int32(n)), nil
	default:
		return appendInt16(dst, int16(n)), nil
	}
}

func (e *integerEncoder) outOfRange() error {
	return reasonf("out of range %d to %d", e.min, e.max)
}

func (e *integerEncoder) text(dst []byte, s string) ([]byte, error) {
	s = trimSpace(s)
	n, err := parseInteger(s)
	switch {
	case err == nil:
		return e.integer(dst, n)
	case errors.Is(err, errTooBig):
		return dst, e.outOfRange()
	case isLiteral(s):
		return dst, unread(errNotInteger)
	}
	return dst, err
}

// isLiteral reports whether s looks like one of the numbers that PostgreSQL 16
// and later read: 0x2A, 0o52, 0b101010, 1_000.
func isLiteral(s string) bool {
	if s = strings.TrimLeft(s, "+-"); s == "" || !isDigit(s[0]) || checkText(s) != nil {
		return false
	}
	return strings.Contains(s, "_") || (len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0)
}

func (e *integerEncoder) float(dst []byte, f float64) ([]byte, error) {
	n, ok := integral(f)
	switch {
	case ok:
		return e.integer(dst, n)
	case math.IsNaN(f) || f != math.Trunc(f):
		return dst, errNotInteger
	default:
		return dst, e.outOfRange()
	}
}

func (e *integerEncoder) number(dst []byte, s string) ([]byte, error) {
	if strings.IndexByte(s, '.') < 0 && strings.IndexByte(s, 'e') < 0 && strings.IndexByte(s, 'E') < 0 {
		return e.text(dst, s)
	}
	d, err := parseDecimal(s)
	if err != nil {
		return dst, err
	}
	n, err := d.int64()
	if errors.Is(err, errTooBig) {
		return dst, e.outOfRange()
	}
	if err != nil {
		return dst, err
	}
	return e.integer(dst, n)
}

const errTooBig = reason("out of range")

// parseInteger reads an optional sign and decimal digits.
func parseInteger(s string) (int64, error) {
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, errNotInteger
	}
	var n uint64
	big := false
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, errNotInteger
		}
		if n > math.MaxInt64/10 {
			big = true
			continue
		}
		n = n*10 + uint64(d)
	}
	switch {
	case big, n > 1<<63, n == 1<<63 && !negative:
		return 0, errTooBig
	case negative:
		return -int64(n), nil // right for 1<<63 too
	default:
		return int64(n), nil
	}
}
