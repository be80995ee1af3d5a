package pgvalue

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxFieldBytes is the longest value PostgreSQL can hold in memory at once.
const maxFieldBytes = 0x3fffffff

// Column is how one column's values are written.
type Column struct {
	// Name is the column's name as the caller gave it, for errors.
	Name string
	// Type is the column's type as format_type spells it, e.g. numeric(12,2).
	// The modifier of a type that this package does not know is left out.
	Type string
	// OID is the type's object identifier.
	OID uint32
	// Cast is the type to which the server casts a text of the column: its type,
	// or the base type of its domain, as SQL spells it.
	Cast string
	// Text says that no binary encoder is at hand: the bytes that Append writes
	// are the value's text form in UTF-8, to be sent as text and cast to Cast by
	// the server.
	Text bool

	enc  encoder
	text *textFormEncoder
}

// Append adds v as one field of COPY's binary form: a big-endian int32 length
// and as many bytes, or the length -1 alone for nil. It takes string, []byte,
// bool, every Go integer and float, json.Number, time.Time, map[string]any and
// []any, as far as they fit the column's type. On error dst comes back as it
// was, and the error is a [*ValueError]. It never panics.
func (c *Column) Append(dst []byte, v any) ([]byte, error) {
	out, err := appendField(dst, c.enc, v)
	if err != nil {
		return dst, newValueError(c, v, err)
	}
	return out, nil
}

// appendField writes v with its length before it. What it returns beside an
// error is of no use.
func appendField(dst []byte, enc encoder, v any) ([]byte, error) {
	if v == nil {
		return append(dst, 0xff, 0xff, 0xff, 0xff), nil
	}
	at := len(dst)
	dst, err := appendValue(append(dst, 0, 0, 0, 0), enc, v)
	if err != nil {
		return dst, err
	}
	return dst, putLength(dst, at)
}

// putLength fills in the length that stands at dst[at:] for the rest of dst.
func putLength(dst []byte, at int) error {
	n := len(dst) - at - 4
	if n > maxFieldBytes {
		return reasonf("it takes %d bytes, more than the 1 GB that a value may have", n)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(n))
	return nil
}

// reason is why a value does not fit, in words that follow a colon.
type reason string

func (r reason) Error() string { return string(r) }

// unread is a reason that holds here, while the server may read the text.
type unread reason

func (r unread) Error() string { return string(r) }

func reasonf(format string, args ...any) error {
	return reason(fmt.Sprintf(format, args...))
}

func appendInt64(dst []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(n))
}

func appendInt32(dst []byte, n int32) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

func appendInt16(dst []byte, n int16) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(n))
}

// integral returns f as an integer when it is one that fits an int64.
func integral(f float64) (int64, bool) {
	if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}
