package pgvalue

import (
	"encoding/binary"
	"fmt"
)

// maxDimensions is how deep an array of PostgreSQL may nest.
const maxDimensions = 6

const (
	errNotRectangular = reason("nested arrays must all have the same length and depth")
	errEmptyNested    = reason("an array within an array must not be empty")
	errTooDeep        = reason("arrays are nested more than 6 deep")
)

// arrayEncoder writes arrays of any type with an encoder, from nested arrays of
// equal lengths. PostgreSQL's own {…} form is left to the server. An empty array
// has no dimensions. Items of json and jsonb are whole values, arrays included, so
// arrays of those have one dimension.
type arrayEncoder struct {
	refuseAll
	element encoder
	oid     uint32 // of the element's type
	flat    bool   // an array within is an item, not a dimension
}

const errNotArray = reason("not an array; PostgreSQL writes them as {1,2,NULL}")

func (e *arrayEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	if s = trimSpace(s); s == "" || (s[0] != '{' && s[0] != '[') {
		return dst, errNotArray
	}
	return dst, unread(errNotArray)
}

// shape is what stands before an array's items.
type shape struct {
	lengths [maxDimensions]int32
	count   int
	nulls   bool
}

// itemError is an error of one item of an array.
type itemError struct {
	item int // counted from 1, in the order in which items are written
	err  error
}

func (e itemError) Error() string { return fmt.Sprintf("item %d: %s", e.item, e.err) }
func (e itemError) Unwrap() error { return e.err }

// header writes room for dimensions, and fill what was found out.
func (e *arrayEncoder) header(dst []byte, dimensions int) []byte {
	dst = appendInt32(dst, int32(dimensions))
	dst = appendInt32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, e.oid)
	for range dimensions {
		dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return dst
}

func (s *shape) fill(header []byte) {
	if s.nulls {
		header[7] = 1
	}
	for i := range s.count {
		binary.BigEndian.PutUint32(header[12+8*i:], uint32(s.lengths[i]))
		binary.BigEndian.PutUint32(header[16+8*i:], 1) // the first index
	}
}

func (e *arrayEncoder) list(dst []byte, l []any) ([]byte, error) {
	var s shape
	for inner := l; ; {
		if len(inner) == 0 {
			if s.count == 0 {
				return e.header(dst, 0), nil
			}
			return dst, errEmptyNested
		}
		if s.count == maxDimensions {
			return dst, errTooDeep
		}
		s.lengths[s.count] = int32(len(inner))
		s.count++
		next, ok := inner[0].([]any)
		if !ok || e.flat {
			break
		}
		inner = next
	}
	at := len(dst)
	items := 0
	dst, err := e.items(e.header(dst, s.count), l, 0, &s, &items)
	if err != nil {
		return dst, err
	}
	s.fill(dst[at:])
	return dst, nil
}

// items writes what lies within one dimension.
func (e *arrayEncoder) items(dst []byte, l []any, dimension int, s *shape, items *int) ([]byte, error) {
	if len(l) != int(s.lengths[dimension]) {
		return dst, errNotRectangular
	}
	var err error
	for _, v := range l {
		inner, nested := v.([]any)
		nested = nested && !e.flat
		if dimension+1 < s.count {
			if !nested {
				return dst, errNotRectangular
			}
			if dst, err = e.items(dst, inner, dimension+1, s, items); err != nil {
				return dst, err
			}
			continue
		}
		if nested {
			return dst, errNotRectangular
		}
		*items++
		s.nulls = s.nulls || v == nil
		if dst, err = appendField(dst, e.element, v); err != nil {
			return dst, itemError{*items, err}
		}
	}
	return dst, nil
}
