package pgvalue

import (
	"strings"
)

// Flags of a range's binary form.
const (
	rangeEmpty         = 0x01
	rangeLowerIncluded = 0x02
	rangeUpperIncluded = 0x04
	rangeLowerInfinite = 0x08
	rangeUpperInfinite = 0x10
)

const (
	errNotRange      = reason("not a range; PostgreSQL writes them as [1,10) or empty")
	errNotMultirange = reason("not a multirange; PostgreSQL writes them as {[1,3),[5,8)}")
)

// rangeEncoder writes ranges from PostgreSQL's text form. Whether the lower
// bound lies above the upper one is left to the server to see.
type rangeEncoder struct {
	refuseAll
	bound encoder
}

func (e *rangeEncoder) text(dst []byte, s string) ([]byte, error) {
	dst, rest, err := e.read(dst, s)
	if err == nil && rest != "" {
		err = errNotRange
	}
	return dst, err
}

// read reads a range at the start of s and gives what follows it, without the
// space between.
func (e *rangeEncoder) read(dst []byte, s string) (out []byte, rest string, err error) {
	if err := checkText(s); err != nil {
		return dst, s, err
	}
	s, _ = skipSpaces(s)
	if len(s) >= 5 && equalFold(s[:5], "empty") {
		rest, _ := skipSpaces(s[5:])
		return append(dst, rangeEmpty), rest, nil
	}
	if s == "" || (s[0] != '[' && s[0] != '(') {
		return dst, s, errNotRange
	}
	flags := byte(0)
	if s[0] == '[' {
		flags |= rangeLowerIncluded
	}
	lower, s, ok := readPiece(nil, s[1:], ",)]")
	if !ok || s[0] != ',' {
		return dst, s, errNotRange
	}
	upper, s, ok := readPiece(nil, s[1:], ",)]")
	if !ok || s[0] == ',' {
		return dst, s, errNotRange
	}
	if s[0] == ']' {
		flags |= rangeUpperIncluded
	}
	if lower.empty {
		flags = flags&^rangeLowerIncluded | rangeLowerInfinite
	}
	if upper.empty {
		flags = flags&^rangeUpperIncluded | rangeUpperInfinite
	}
	dst = append(dst, flags)
	for _, bound := range []quotedPiece{lower, upper} {
		if bound.empty {
			continue
		}
		if dst, err = appendTextField(dst, e.bound, bound.text); err != nil {
			return dst, s, err
		}
	}
	rest, _ = skipSpaces(s[1:])
	return dst, rest, nil
}

// multirangeEncoder writes multiranges from PostgreSQL's text form, and from an
// array of ranges in theirs.
type multirangeEncoder struct {
	refuseAll
	member *rangeEncoder
}

func (e *multirangeEncoder) text(dst []byte, s string) ([]byte, error) {
	s = trimSpace(s)
	if !strings.HasPrefix(s, "{") {
		return dst, errNotMultirange
	}
	s, _ = skipSpaces(s[1:])
	at := len(dst)
	dst = appendInt32(dst, 0)
	count := int32(0)
	for s != "}" {
		if count > 0 {
			if s == "" || s[0] != ',' {
				return dst, errNotMultirange
			}
			s = s[1:]
		}
		start := len(dst)
		var err error
		if dst, s, err = e.member.read(append(dst, 0, 0, 0, 0), s); err != nil {
			return dst, err
		}
		if err := putLength(dst, start); err != nil {
			return dst, err
		}
		count++
	}
	copy(dst[at:], appendInt32(nil, count))
	return dst, nil
}

func (e *multirangeEncoder) list(dst []byte, l []any) ([]byte, error) {
	dst = appendInt32(dst, int32(len(l)))
	for i, v := range l {
		if v == nil {
			return dst, reason("a multirange holds no nulls")
		}
		var err error
		if dst, err = appendField(dst, e.member, v); err != nil {
			return dst, itemError{i + 1, err}
		}
	}
	return dst, nil
}
