package pgvalue

import (
	"encoding/binary"
	"fmt"
	"math"
)

// maxDimensions is how deep an array of PostgreSQL may nest.
const maxDimensions = 6

const (
	errNotRectangular = reason("nested arrays must all have the same length and depth")
	errEmptyNested    = reason("an array within an array must not be empty")
	errTooDeep        = reason("arrays are nested more than 6 deep")
	errArrayTooLong   = reason("an array has too many items")
)

// arrayEncoder writes arrays of any type with an encoder, from nested arrays of
// equal lengths and from PostgreSQL's own {…} form. An empty array has no
// dimensions. Items of json and jsonb are whole values, arrays included, so
// arrays of those have one dimension.
type arrayEncoder struct {
	refuseAll
	element   encoder
	oid       uint32 // of the element's type
	delimiter byte
	flat      bool // an array within is an item, not a dimension
}

// shape is what stands before an array's items.
type shape struct {
	lengths [maxDimensions]int32
	lower   [maxDimensions]int32
	count   int
	nulls   bool
}

// itemError says which item of an array does not fit.
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

func (s *shape) fill(header []byte) error {
	if s.nulls {
		header[7] = 1
	}
	for i := range s.count {
		if int64(s.lower[i])+int64(s.lengths[i]) > math.MaxInt32 {
			return errArrayTooLong
		}
		binary.BigEndian.PutUint32(header[12+8*i:], uint32(s.lengths[i]))
		binary.BigEndian.PutUint32(header[16+8*i:], uint32(s.lower[i]))
	}
	return nil
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
		if len(inner) > math.MaxInt32 {
			return dst, errArrayTooLong
		}
		s.lengths[s.count], s.lower[s.count] = int32(len(inner)), 1
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
	return dst, s.fill(dst[at:])
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
