package pgvalue

import (
	"strconv"
	"time"
)

// fallbackEncoder gives the text form of a type that has no binary encoder
// here: the server reads it.
type fallbackEncoder struct{ refuseAll }

func (e *fallbackEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	return append(dst, s...), nil
}

func (e *fallbackEncoder) integer(dst []byte, n int64) ([]byte, error) {
	return strconv.AppendInt(dst, n, 10), nil
}

func (e *fallbackEncoder) float(dst []byte, f float64) ([]byte, error) {
	return appendFloatText(dst, f, 64), nil
}

func (e *fallbackEncoder) number(dst []byte, s string) ([]byte, error) {
	return append(dst, s...), nil
}

func (e *fallbackEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	return strconv.AppendBool(dst, b), nil
}

func (e *fallbackEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	return t.AppendFormat(dst, time.RFC3339Nano), nil
}
