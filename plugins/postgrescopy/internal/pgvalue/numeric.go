package pgvalue

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

// Signs of numeric's binary form.
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInf      = 0xD000
	numericMinusInf = 0xF000
)

const (
	maxNumericScale  = 16383     // digits after the point that a value may show
	maxNumericBefore = 32768 * 4 // digits before it
)

// numericEncoder writes numeric from decimal text, digit by digit: no value
// passes through a float, and a float itself is taken as the shortest decimal
// that reads back as it. The server rounds to the column's scale; what will not
// fit its precision after that is refused here.
type numericEncoder struct {
	refuseAll
	finite           bool // the server knows no infinite numeric
	bounded          bool // by numeric(precision, scale)
	precision, scale int
}

// newNumericEncoder reads the column's modifier; -1 is none.
func newNumericEncoder(typmod int32) *numericEncoder {
	if typmod < 4 {
		return &numericEncoder{}
	}
	typmod -= 4
	return &numericEncoder{
		bounded:   true,
		precision: int(typmod >> 16 & 0xffff),
		scale:     int(typmod&0x7ff^1024) - 1024, // 11 bits with a sign
	}
}

func (e *numericEncoder) integer(dst []byte, n int64) ([]byte, error) {
	var buf [20]byte
	return e.decimal(dst, view(strconv.AppendInt(buf[:0], n, 10)))
}

func (e *numericEncoder) float(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return e.special(dst, f)
	}
	var buf [32]byte
	return e.decimal(dst, view(strconv.AppendFloat(buf[:0], f, 'e', -1, 64)))
}

func (e *numericEncoder) number(dst []byte, s string) ([]byte, error) { return e.decimal(dst, s) }

func (e *numericEncoder) text(dst []byte, s string) ([]byte, error) {
	s = trimSpace(s)
	if f, ok := parseSpecialFloat(s); ok {
		return e.special(dst, f)
	}
	dst, err := e.decimal(dst, s)
	if errors.Is(err, errNotNumber) && isLiteral(s) {
		return dst, unread(errNotNumber)
	}
	return dst, err
}

func (e *numericEncoder) special(dst []byte, f float64) ([]byte, error) {
	sign := uint16(numericNaN)
	if !math.IsNaN(f) {
		if e.finite {
			return dst, reason("numeric takes infinities from PostgreSQL 14 on")
		}
		if e.bounded {
			return dst, reasonf("a numeric of precision %d and scale %d cannot be infinite", e.precision, e.scale)
		}
		sign = numericInf
		if f < 0 {
			sign = numericMinusInf
		}
	}
	return appendNumericHeader(dst, 0, 0, sign, 0), nil
}

func appendNumericHeader(dst []byte, groups, weight int, sign uint16, scale int) []byte {
	dst = appendInt16(dst, int16(groups))
	dst = appendInt16(dst, int16(weight))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	return appendInt16(dst, int16(scale))
}

// decimal writes s in groups of four digits, as numeric stores them.
func (e *numericEncoder) decimal(dst []byte, s string) ([]byte, error) {
	d, err := parseDecimal(s)
	if err != nil {
		return dst, err
	}
	if err := e.check(&d); err != nil {
		return dst, err
	}
	if d.zero() {
		return appendNumericHeader(dst, 0, 0, numericPositive, d.scale), nil
	}
	// The first group holds the digits up to a multiple of four before the point.
	weight := floorDiv(d.before-1, 4)
	room := d.before - weight*4 // digits in the first group: 1 to 4
	at := len(dst)
	sign := uint16(numericPositive)
	if d.negative {
		sign = numericNegative
	}
	dst = appendNumericHeader(dst, 0, weight, sign, d.scale)
	dst = appendGroups(dst, d.text, room)
	for len(dst) > at+8 && dst[len(dst)-1] == 0 && dst[len(dst)-2] == 0 {
		dst = dst[:len(dst)-2] // groups of zeros at the end are not stored
	}
	binary.BigEndian.PutUint16(dst[at:], uint16((len(dst)-at-8)/2))
	return dst, nil
}

// appendGroups writes digits in groups of four, the first of them of room
// digits, the last filled with zeros.
func appendGroups(dst []byte, digits string, room int) []byte {
	group := uint16(0)
	for i := range len(digits) {
		c := digits[i]
		if c == '.' {
			continue
		}
		group = group*10 + uint16(c-'0')
		if room--; room == 0 {
			dst = binary.BigEndian.AppendUint16(dst, group)
			group, room = 0, 4
		}
	}
	if room == 4 {
		return dst
	}
	for ; room > 0; room-- {
		group *= 10
	}
	return binary.BigEndian.AppendUint16(dst, group)
}

// check refuses what numeric, or the column's precision, cannot hold.
func (e *numericEncoder) check(d *decimal) error {
	switch {
	case d.scale > maxNumericScale:
		return reasonf("more than %d digits after the decimal point", maxNumericScale)
	case d.before > maxNumericBefore:
		return reasonf("more than %d digits before the decimal point", maxNumericBefore)
	case !e.bounded || d.zero():
		return nil
	}
	room := e.precision - e.scale
	if d.before > room || (d.before == room && roundsUp(d.text, e.precision)) {
		return reasonf("it must round to less than 10^%d in absolute value", room)
	}
	return nil
}

// roundsUp reports whether rounding digits to n of them carries into a further
// one: n nines and then 5 or more.
func roundsUp(digits string, n int) bool {
	for i := range len(digits) {
		c := digits[i]
		switch {
		case c == '.':
		case n == 0:
			return c >= '5'
		case c != '9':
			return false
		default:
			n--
		}
	}
	return false
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
