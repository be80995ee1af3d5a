package pgvalue

import (
	"encoding/binary"
)

const errNotRecord = reason("not a row; PostgreSQL writes them as (1,two,\"3, quoted\")")

// recordEncoder writes composite types whose fields all have an encoder: from an
// object by the names of its fields (one that is missing is null), and from an
// array in their order. PostgreSQL's own (…) form is left to the server. The
// binary form has the fields' types, so that the server notices when the type
// was altered meanwhile.
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

func (e *recordEncoder) object(dst []byte, m map[string]any) ([]byte, error) {
	if err := checkNames(m, e.names); err != nil {
		return dst, err
	}
	l := make([]any, len(e.fields))
	for i, f := range e.fields {
		l[i] = m[f.name]
	}
	return e.list(dst, l)
}

func (e *recordEncoder) list(dst []byte, l []any) ([]byte, error) {
	if len(l) != len(e.fields) {
		return dst, staleReason{reasonf("%d items where the type has %d fields", len(l), len(e.fields))}
	}
	dst = appendInt32(dst, int32(len(e.fields)))
	for i, f := range e.fields {
		var err error
		if dst, err = appendField(binary.BigEndian.AppendUint32(dst, f.oid), f.enc, l[i]); err != nil {
			return dst, fieldError{f.name, err}
		}
	}
	return dst, nil
}

func (e *recordEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	if s = trimSpace(s); s == "" || s[0] != '(' {
		return dst, errNotRecord
	}
	return dst, unread(errNotRecord)
}
