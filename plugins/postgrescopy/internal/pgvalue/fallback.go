package pgvalue

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"
)

// fallbackEncoder gives the text form of a type that has no binary encoder
// here; the server reads it. A string is that text form already. An array
// becomes PostgreSQL's {…}, an object or array for a composite type its (…), an
// object for hstore its "key"=>"value"; for other types of extensions both
// become JSON, which is what vector and geometry read.
type fallbackEncoder struct {
	name      string // typname
	builtin   bool
	category  string
	delimiter byte
	element   *fallbackEncoder // of an array
	fields    []fallbackField  // of a composite type
	names     map[string]struct{}
}

type fallbackField struct {
	name string
	enc  *fallbackEncoder
}

const errMoneyFraction = reason("the server's locale decides how it reads a fraction of money; give it as text in that form")

// moment says whether the type is a date, a time or an interval, whose text
// form is no number.
func (e *fallbackEncoder) moment() bool { return e.category == "D" || e.category == "T" }

// money says whether the text of a fraction depends on the server's locale.
func (e *fallbackEncoder) money() bool { return e.builtin && e.name == "money" }

func (e *fallbackEncoder) json() bool {
	return e.builtin && (e.name == "json" || e.name == "jsonb")
}

func (e *fallbackEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	return append(dst, s...), nil
}

func (e *fallbackEncoder) bytes(dst []byte, b []byte) ([]byte, error) {
	if e.builtin && e.name == "bytea" {
		return hex.AppendEncode(append(dst, '\\', 'x'), b), nil
	}
	return e.text(dst, view(b))
}

func (e *fallbackEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if e.moment() || e.container() {
		return dst, errInteger
	}
	return strconv.AppendInt(dst, n, 10), nil
}

func (e *fallbackEncoder) float(dst []byte, f float64) ([]byte, error) {
	switch {
	case e.moment() || e.container():
		return dst, errInteger
	case e.money() && f != math.Trunc(f):
		return dst, errMoneyFraction
	}
	return appendFloatText(dst, f, 64), nil
}

func (e *fallbackEncoder) number(dst []byte, s string) ([]byte, error) {
	if e.moment() || e.container() {
		return dst, errInteger
	}
	if d, err := parseDecimal(s); e.money() && (err != nil || !d.integral() || d.scale > 0) {
		return dst, errMoneyFraction
	}
	return append(dst, s...), nil
}

func (e *fallbackEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	if e.container() {
		return dst, errBoolean
	}
	return strconv.AppendBool(dst, b), nil
}

func (e *fallbackEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	switch {
	case e.container():
		return dst, errInstant
	case e.json():
		return appendJSON(dst, t, 0)
	}
	return t.AppendFormat(dst, time.RFC3339Nano), nil
}

// container says whether the type's values are made of others.
func (e *fallbackEncoder) container() bool { return e.element != nil || e.fields != nil }

func (e *fallbackEncoder) object(dst []byte, m map[string]any) ([]byte, error) {
	switch {
	case e.fields != nil:
		return e.record(dst, m)
	case e.name == "hstore" && !e.builtin:
		return appendHstore(dst, m)
	case e.element == nil && (e.json() || !e.builtin):
		return appendJSON(dst, m, 0)
	}
	return dst, errObject
}

func (e *fallbackEncoder) list(dst []byte, l []any) ([]byte, error) {
	switch {
	case e.fields != nil:
		return e.row(dst, l)
	case e.element != nil:
		return e.array(dst, l, 1)
	case e.json() || !e.builtin:
		return appendJSON(dst, l, 0)
	}
	return dst, errList
}

// array writes {…}, every item in quotes. The server sees to equal lengths.
func (e *fallbackEncoder) array(dst []byte, l []any, depth int) ([]byte, error) {
	if depth > maxDimensions {
		return dst, errTooDeep
	}
	if len(l) == 0 && depth > 1 {
		return dst, errEmptyNested
	}
	dst = append(dst, '{')
	var scratch []byte
	var err error
	for i, v := range l {
		if i > 0 {
			dst = append(dst, e.delimiter)
		}
		inner, nested := v.([]any)
		switch {
		case v == nil:
			dst = append(dst, "NULL"...)
			continue
		case nested && e.element.nests():
			dst, err = e.array(dst, inner, depth+1)
		default:
			if scratch, err = appendValue(scratch[:0], e.element, v); err == nil {
				dst = appendQuoted(dst, scratch)
			}
		}
		if err != nil {
			return dst, itemError{i + 1, err}
		}
	}
	return append(dst, '}'), nil
}

// nests says whether an array among the items is a dimension, and not an item.
func (e *fallbackEncoder) nests() bool {
	return e.fields == nil && (e.builtin || e.name == "hstore") && !e.json()
}

// record writes an object as (…), in the order of the type's fields.
func (e *fallbackEncoder) record(dst []byte, m map[string]any) ([]byte, error) {
	if err := checkNames(m, e.names); err != nil {
		return dst, err
	}
	l := make([]any, len(e.fields))
	for i, f := range e.fields {
		l[i] = m[f.name]
	}
	return e.row(dst, l)
}

// row writes (…), every field in quotes; nothing at all is null.
func (e *fallbackEncoder) row(dst []byte, l []any) ([]byte, error) {
	if len(l) != len(e.fields) {
		return dst, staleReason{reasonf("%d items where the type has %d fields", len(l), len(e.fields))}
	}
	dst = append(dst, '(')
	var scratch []byte
	for i, v := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v == nil {
			continue
		}
		var err error
		if scratch, err = appendValue(scratch[:0], e.fields[i].enc, v); err != nil {
			return dst, fieldError{e.fields[i].name, err}
		}
		dst = appendQuoted(dst, scratch)
	}
	return append(dst, ')'), nil
}

// appendQuoted quotes a part of an array's, a row's or an hstore's text form.
func appendQuoted(dst, b []byte) []byte {
	dst = append(dst, '"')
	for _, c := range b {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// appendHstore writes an object's fields as texts, null as NULL.
func appendHstore(dst []byte, m map[string]any) ([]byte, error) {
	var scratch []byte
	first := true
	for key, v := range m {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if err := checkText(key); err != nil {
			return dst, err
		}
		dst = append(appendQuoted(dst, bytesOf(key)), "=>"...)
		if v == nil {
			dst = append(dst, "NULL"...)
			continue
		}
		var err error
		if scratch, err = appendValue(scratch[:0], &textEncoder{}, v); err != nil {
			return dst, fieldError{key, err}
		}
		dst = appendQuoted(dst, scratch)
	}
	return dst, nil
}
