package pgvalue

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unsafe"
)

// encoder writes the binary form of one type, without the length before it.
// There is a method for each kind of value; embed refuseAll and write those
// that fit the type.
type encoder interface {
	// text reads s as PostgreSQL reads the type's text form.
	text(dst []byte, s string) ([]byte, error)
	integer(dst []byte, n int64) ([]byte, error)
	float(dst []byte, f float64) ([]byte, error)
	// number takes a number in JSON's grammar, of any length.
	number(dst []byte, s string) ([]byte, error)
	boolean(dst []byte, b bool) ([]byte, error)
	instant(dst []byte, t time.Time) ([]byte, error)
	object(dst []byte, m map[string]any) ([]byte, error)
	list(dst []byte, l []any) ([]byte, error)
}

// bytesEncoder is an encoder to which bytes are more than a text.
type bytesEncoder interface {
	bytes(dst []byte, b []byte) ([]byte, error)
}

// appendValue writes v, which is not nil, by the method for its kind.
func appendValue(dst []byte, enc encoder, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return enc.text(dst, v)
	case int64:
		return enc.integer(dst, v)
	case float64:
		return enc.float(dst, v)
	case time.Time:
		return enc.instant(dst, v)
	case bool:
		return enc.boolean(dst, v)
	case int:
		return enc.integer(dst, int64(v))
	case json.Number:
		if !isNumber(string(v)) {
			return dst, errNotNumber
		}
		return enc.number(dst, string(v))
	case []byte:
		if b, ok := enc.(bytesEncoder); ok {
			return b.bytes(dst, v)
		}
		return enc.text(dst, view(v))
	case map[string]any:
		return enc.object(dst, v)
	case []any:
		return enc.list(dst, v)
	}
	return appendRareValue(dst, enc, v)
}

// appendRareValue takes the kinds that Bloblang seldom or never yields.
func appendRareValue(dst []byte, enc encoder, v any) ([]byte, error) {
	switch v := v.(type) {
	case int32:
		return enc.integer(dst, int64(v))
	case int16:
		return enc.integer(dst, int64(v))
	case int8:
		return enc.integer(dst, int64(v))
	case uint8:
		return enc.integer(dst, int64(v))
	case uint16:
		return enc.integer(dst, int64(v))
	case uint32:
		return enc.integer(dst, int64(v))
	case uint:
		return appendUnsigned(dst, enc, uint64(v))
	case uint64:
		return appendUnsigned(dst, enc, v)
	case float32:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return enc.float(dst, f)
		}
		// 0.1 as a float32 is meant as 0.1, not as 0.10000000149.
		return enc.number(dst, strconv.FormatFloat(float64(v), 'g', -1, 32))
	}
	return dst, reasonf("a Go value of type %T is not known here", v)
}

func appendUnsigned(dst []byte, enc encoder, n uint64) ([]byte, error) {
	if n <= math.MaxInt64 {
		return enc.integer(dst, int64(n))
	}
	return enc.number(dst, strconv.FormatUint(n, 10))
}

// view returns b as a string without a copy. The string lives no longer than the
// call in which b was handed over.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

const (
	errNotNumber = reason("not a number")
	errBoolean   = reason("a boolean does not fit this type")
	errInteger   = reason("a number does not fit this type")
	errInstant   = reason("a timestamp does not fit this type")
	errObject    = reason("an object does not fit this type")
	errList      = reason("an array does not fit this type")
)

// refuseAll refuses every kind but text, which each encoder must decide.
type refuseAll struct{}

func (refuseAll) integer(dst []byte, _ int64) ([]byte, error)         { return dst, errInteger }
func (refuseAll) float(dst []byte, _ float64) ([]byte, error)         { return dst, errInteger }
func (refuseAll) number(dst []byte, _ string) ([]byte, error)         { return dst, errInteger }
func (refuseAll) boolean(dst []byte, _ bool) ([]byte, error)          { return dst, errBoolean }
func (refuseAll) instant(dst []byte, _ time.Time) ([]byte, error)     { return dst, errInstant }
func (refuseAll) object(dst []byte, _ map[string]any) ([]byte, error) { return dst, errObject }
func (refuseAll) list(dst []byte, _ []any) ([]byte, error)            { return dst, errList }

// isNumber reports whether s is a number in JSON's grammar.
func isNumber(s string) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	first := i
	if !digits() || (s[first] == '0' && i > first+1) {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// isSpace is what PostgreSQL skips around most values.
func isSpace(c byte) bool { return c == ' ' || c-'\t' <= '\r'-'\t' }

// trimSpace cuts the white space that PostgreSQL skips around most values.
func trimSpace(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// equalFold compares s with an ASCII word in lower case.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		if toLower(s[i]) != lower[i] {
			return false
		}
	}
	return true
}

func toLower(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		c += 'a' - 'A'
	}
	return c
}

// bytesOf is view the other way; nobody may write to what it gives.
func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
