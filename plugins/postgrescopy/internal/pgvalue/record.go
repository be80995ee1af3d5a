package pgvalue

import (
	"encoding/binary"
	"fmt"
)

const errNotRecord = reason("not a row; PostgreSQL writes them as (1,two,\"3, quoted\")")

// recordEncoder writes composite types whose fields all have an encoder: from an
// object by the names of its fields (one that is missing is null), from an array
// in their order, and from PostgreSQL's own (…) form.
type recordEncoder struct {
	refuseAll
	fields []recordField
	names  map[string]struct{}
}

type recordField struct {
	name string
	oid  uint32
	enc  encoder
}

// fieldError says which field of a composite value does not fit.
type fieldError struct {
	field string
	err   error
}

func (e fieldError) Error() string { return fmt.Sprintf("field %q: %s", e.field, e.err) }
func (e fieldError) Unwrap() error { return e.err }

// checkNames refuses an object with fields that the type does not have.
func checkNames(m map[string]any, names map[string]struct{}) error {
	for name := range m {
		if _, ok := names[name]; !ok {
			return staleReason{reasonf("the type has no field %s", quoteShort(name))}
		}
	}
	return nil
}

func (e *recordEncoder) object(dst []byte, m map[string]any) ([]byte, error) {
	if err := checkNames(m, e.names); err != nil {
		return dst, err
	}
	dst = appendInt32(dst, int32(len(e.fields)))
	for _, f := range e.fields {
		var err error
		if dst, err = appendField(f.start(dst), f.enc, m[f.name]); err != nil {
			return dst, fieldError{f.name, err}
		}
	}
	return dst, nil
}

func (f *recordField) start(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(dst, f.oid)
}

func (e *recordEncoder) list(dst []byte, l []any) ([]byte, error) {
	if len(l) != len(e.fields) {
		return dst, staleReason{reasonf("%d items where the type has %d fields", len(l), len(e.fields))}
	}
	dst = appendInt32(dst, int32(len(e.fields)))
	for i, f := range e.fields {
		var err error
		if dst, err = appendField(f.start(dst), f.enc, l[i]); err != nil {
			return dst, fieldError{f.name, err}
		}
	}
	return dst, nil
}

func (e *recordEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	s, _ = skipSpaces(s)
	if s == "" || s[0] != '(' {
		return dst, errNotRecord
	}
	s = s[1:]
	dst = appendInt32(dst, int32(len(e.fields)))
	var scratch []byte
	for i, f := range e.fields {
		var piece quotedPiece
		var ok bool
		if piece, s, ok = readPiece(scratch, s, ",)"); !ok {
			return dst, errNotRecord
		}
		scratch = piece.scratch
		if last := i == len(e.fields)-1; (s[0] == ')') != last {
			return dst, staleReason{reasonf("it does not have the %d fields of the type", len(e.fields))}
		}
		s = s[1:]
		dst = f.start(dst)
		if piece.empty {
			dst = appendInt32(dst, -1)
			continue
		}
		var err error
		if dst, err = appendTextField(dst, f.enc, piece.text); err != nil {
			return dst, fieldError{f.name, err}
		}
	}
	if rest, _ := skipSpaces(s); rest != "" {
		return dst, errNotRecord
	}
	return dst, nil
}

// quotedPiece is a part of a text form, between its punctuation.
type quotedPiece struct {
	text    string // without quotes and escapes; lives in scratch
	empty   bool   // nothing stood there, not even quotes
	scratch []byte // to be used for the next piece
}

// readPiece reads up to one of the stops, which is left to be read. Quotes may
// stand around any part; within them a doubled quote is one, and a backslash
// goes before any character, there and outside. This is how PostgreSQL reads
// the fields of rows and the bounds of ranges.
func readPiece(scratch []byte, s, stops string) (p quotedPiece, rest string, ok bool) {
	scratch = scratch[:0]
	p.empty = true
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case !quoted && contains(stops, c):
			p.text, p.scratch = view(scratch), scratch
			return p, s[i:], true
		case c == '\\':
			if i++; i == len(s) {
				return p, s, false
			}
			scratch = append(scratch, s[i])
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			i++
			scratch = append(scratch, '"')
		case c == '"':
			quoted = !quoted
		default:
			scratch = append(scratch, c)
		}
		p.empty = false
	}
	return p, s, false
}

func contains(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}
