package pgvalue

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	errNUL     = reason("it holds a NUL byte, which PostgreSQL cannot store in text")
	errNotUTF8 = reason("not valid UTF-8")
)

// checkText refuses what no text value of PostgreSQL can hold.
func checkText(s string) error {
	if isPlain(s) {
		return nil
	}
	if strings.IndexByte(s, 0) >= 0 {
		return errNUL
	}
	if !utf8.ValidString(s) {
		return errNotUTF8
	}
	return nil
}

// isPlain reports whether s is all ASCII without NUL, eight bytes at a time.
func isPlain(s string) bool {
	const lows, highs = 0x0101010101010101, 0x8080808080808080
	b := bytesOf(s)
	for ; len(b) >= 8; b = b[8:] {
		// A high bit is set in w by a byte beyond ASCII, and in w-lows by a 0.
		if w := binary.LittleEndian.Uint64(b); (w|(w-lows))&highs != 0 {
			return false
		}
	}
	for _, c := range b {
		if c-1 >= 0x7f {
			return false
		}
	}
	return true
}

// textEncoder writes text, varchar, char, citext and name: a string as it is,
// numbers as JSON writes them (NaN, Infinity and -Infinity as PostgreSQL does),
// booleans as true and false, timestamps in RFC 3339, objects and arrays as JSON.
type textEncoder struct {
	maxChars int // 0: no bound
	maxBytes int // 0: no bound
}

func (e *textEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	if e.maxBytes > 0 && len(s) > e.maxBytes {
		return dst, reasonf("longer than %d bytes", e.maxBytes)
	}
	if e.maxChars > 0 && len(s) > e.maxChars {
		if err := e.checkLength(s); err != nil {
			return dst, err
		}
	}
	return append(dst, s...), nil
}

// checkLength counts characters as PostgreSQL does: spaces beyond the bound are
// cut off by the server without complaint.
func (e *textEncoder) checkLength(s string) error {
	count := utf8.RuneCountInString(s)
	if count <= e.maxChars {
		return nil
	}
	kept := strings.TrimRight(s, " ")
	if count-(len(s)-len(kept)) <= e.maxChars {
		return nil
	}
	return reasonf("it has %d characters, more than %d", count, e.maxChars)
}

// written checks what has been written since at as text.
func (e *textEncoder) written(dst []byte, at int) ([]byte, error) {
	if e.maxBytes == 0 && e.maxChars == 0 {
		return dst, nil // ours, so valid
	}
	_, err := e.text(nil, view(dst[at:]))
	return dst, err
}

func (e *textEncoder) integer(dst []byte, n int64) ([]byte, error) {
	at := len(dst)
	return e.written(strconv.AppendInt(dst, n, 10), at)
}

func (e *textEncoder) float(dst []byte, f float64) ([]byte, error) {
	at := len(dst)
	return e.written(appendFloatText(dst, f, 64), at)
}

func (e *textEncoder) number(dst []byte, s string) ([]byte, error) { return e.text(dst, s) }

func (e *textEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	at := len(dst)
	return e.written(strconv.AppendBool(dst, b), at)
}

func (e *textEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	at := len(dst)
	return e.written(t.AppendFormat(dst, time.RFC3339Nano), at)
}

func (e *textEncoder) object(dst []byte, m map[string]any) ([]byte, error) {
	at := len(dst)
	dst, err := appendJSON(dst, m, 0)
	if err != nil {
		return dst, err
	}
	return e.written(dst, at)
}

func (e *textEncoder) list(dst []byte, l []any) ([]byte, error) {
	at := len(dst)
	dst, err := appendJSON(dst, l, 0)
	if err != nil {
		return dst, err
	}
	return e.written(dst, at)
}

// appendFloatText writes the shortest decimal that reads back as f, without an
// exponent between 1e-6 and 1e21 as in JSON; NaN and the infinities as
// PostgreSQL writes them.
func appendFloatText(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}
