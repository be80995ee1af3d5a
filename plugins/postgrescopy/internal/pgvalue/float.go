package pgvalue

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

// floatEncoder writes real and double precision. Numbers too big for the type,
// and numbers that would become zero in it, are refused as PostgreSQL does.
type floatEncoder struct {
	refuseAll
	bits int // 32 or 64
}

func (e *floatEncoder) write(dst []byte, f float64) []byte {
	if e.bits == 32 {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f)))
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

func (e *floatEncoder) outOfRange() error {
	if e.bits == 32 {
		return reason("out of range of a 4-byte float")
	}
	return reason("out of range of an 8-byte float")
}

func (e *floatEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if e.bits == 32 {
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(n))), nil
	}
	return e.write(dst, float64(n)), nil
}

func (e *floatEncoder) float(dst []byte, f float64) ([]byte, error) {
	if e.bits == 32 {
		g := float32(f)
		if (math.IsInf(float64(g), 0) && !math.IsInf(f, 0)) || (g == 0 && f != 0) {
			return dst, e.outOfRange()
		}
	}
	return e.write(dst, f), nil
}

func (e *floatEncoder) number(dst []byte, s string) ([]byte, error) { return e.text(dst, s) }

func (e *floatEncoder) text(dst []byte, s string) ([]byte, error) {
	s = trimSpace(s)
	if f, ok := parseSpecialFloat(s); ok {
		return e.write(dst, f), nil
	}
	d, err := parseDecimal(s)
	if err != nil {
		return dst, err
	}
	f, err := strconv.ParseFloat(s, e.bits)
	switch {
	case errors.Is(err, strconv.ErrRange), f == 0 && !d.zero():
		return dst, e.outOfRange()
	case err != nil:
		return dst, errNotNumber
	}
	return e.write(dst, f), nil
}

// parseSpecialFloat reads the spellings of NaN and of the infinities.
func parseSpecialFloat(s string) (float64, bool) {
	if equalFold(s, "nan") {
		return math.NaN(), true
	}
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if equalFold(s, "infinity") || equalFold(s, "inf") {
		return math.Inf(sign), true
	}
	return 0, false
}
