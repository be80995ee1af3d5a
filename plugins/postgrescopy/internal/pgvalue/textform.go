package pgvalue

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// textFormEncoder writes the text form of a value, for the server to read: of
// types that have no binary encoder here, and of values that an encoder left to
// the server. A string is that text form already. An array becomes PostgreSQL's
// {…}, an object or array for a composite type its (…), an object for hstore its
// "key"=>"value"; for other types of extensions both become JSON, which is what
// vector and geometry read.
type textFormEncoder struct {
	name      string // typname
	builtin   bool
	category  string
	delimiter byte
	element   *textFormEncoder // of an array
	// restricted: an interval of which only some fields are kept.
	restricted bool
	fields     []textFormField // of a composite type
	names      map[string]struct{}
}

type textFormField struct {
	name string
	enc  *textFormEncoder
}

const errBareNumber = reason("the column keeps only some fields of an interval, so each number must name its unit")

const errMoneyFraction = reason("the server's locale decides how it reads a fraction of money; give it as text in that form")

// fieldError is an error in a field of a composite value.
type fieldError struct {
	field string
	err   error
}

func (e fieldError) Error() string { return fmt.Sprintf("field %q: %s", e.field, e.err) }
func (e fieldError) Unwrap() error { return e.err }

// moment reports whether the type is a date or a time, which numbers stand for
// in Unix seconds.
func (e *textFormEncoder) moment() bool { return e.category == "D" }

// interval reports whether numbers are seconds of an interval.
func (e *textFormEncoder) interval() bool { return e.category == "T" }

// bits reports whether the type is bit or varbit, which booleans fit.
func (e *textFormEncoder) bits() bool { return e.category == "V" }

// money reports whether the text of a fraction depends on the server's locale.
func (e *textFormEncoder) money() bool { return e.builtin && e.name == "money" }

// json reports whether the type takes objects and arrays as JSON.
func (e *textFormEncoder) json() bool {
	return e.builtin && (e.name == "json" || e.name == "jsonb" || e.category == "S")
}

func (e *textFormEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	// The cast does not know which fields the column has, and what 10 means there.
	if e.restricted && !strings.ContainsFunc(s, unicode.IsLetter) {
		return dst, errBareNumber
	}
	return append(dst, s...), nil
}

func (e *textFormEncoder) bytes(dst []byte, b []byte) ([]byte, error) {
	if e.builtin && e.name == "bytea" {
		return hex.AppendEncode(append(dst, '\\', 'x'), b), nil
	}
	return e.text(dst, view(b))
}

func (e *textFormEncoder) integer(dst []byte, n int64) ([]byte, error) {
	switch {
	case e.container():
		return dst, errInteger
	case e.moment():
		return e.instant(dst, time.Unix(n, 0).UTC())
	}
	if dst = strconv.AppendInt(dst, n, 10); e.interval() {
		dst = append(dst, " seconds"...)
	}
	return dst, nil
}

// seconds writes a number of seconds, in parts as splitSeconds returns them.
func (e *textFormEncoder) seconds(dst []byte, seconds, micros int64, err error) ([]byte, error) {
	switch {
	case err != nil:
		return dst, err
	case e.interval():
		return fmt.Appendf(dst, "%d seconds %d us", seconds, micros), nil
	}
	return e.instant(dst, time.Unix(seconds, micros*1000).UTC())
}

func (e *textFormEncoder) float(dst []byte, f float64) ([]byte, error) {
	switch {
	case e.container():
		return dst, errInteger
	case (e.moment() || e.interval()) && !math.IsInf(f, 0):
		seconds, micros, err := splitSeconds(f)
		return e.seconds(dst, seconds, micros, err)
	case e.money() && f != math.Trunc(f):
		return dst, errMoneyFraction
	}
	return appendFloatText(dst, f, 64), nil
}

func (e *textFormEncoder) number(dst []byte, s string) ([]byte, error) {
	switch {
	case e.container():
		return dst, errInteger
	case e.moment() || e.interval():
		seconds, micros, err := parseSeconds(s)
		return e.seconds(dst, seconds, micros, err)
	}
	if d, err := parseDecimal(s); e.money() && (err != nil || !d.integral() || d.scale > 0) {
		return dst, errMoneyFraction
	}
	return append(dst, s...), nil
}

func (e *textFormEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	switch {
	case e.container():
		return dst, errBoolean
	case e.bits() && b:
		return append(dst, '1'), nil
	case e.bits():
		return append(dst, '0'), nil
	}
	return strconv.AppendBool(dst, b), nil
}

func (e *textFormEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	switch {
	case e.container() || e.interval():
		return dst, errInstant
	case e.json():
		return appendJSON(dst, t, 0)
	}
	return t.AppendFormat(dst, "2006-01-02 15:04:05.999999999Z07:00"), nil // as types without a date read it too
}

// container reports whether the type's values are made of others.
func (e *textFormEncoder) container() bool { return e.element != nil || e.fields != nil }

func (e *textFormEncoder) object(dst []byte, m map[string]any) ([]byte, error) {
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

func (e *textFormEncoder) list(dst []byte, l []any) ([]byte, error) {
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
func (e *textFormEncoder) array(dst []byte, l []any, depth int) ([]byte, error) {
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

// nests reports whether an array among the items is a dimension, and not an item.
func (e *textFormEncoder) nests() bool {
	return e.fields == nil && (e.builtin || e.name == "hstore") && !e.json()
}

// hasFields reports whether the values are of a composite type, or arrays of one.
// Their text form has the fields in an order that may be stale.
func (e *textFormEncoder) hasFields() bool {
	return e.fields != nil || (e.element != nil && e.element.hasFields())
}

// checkNames refuses an object with fields that the type does not have.
func checkNames(m map[string]any, names map[string]struct{}) error {
	for name := range m {
		if _, ok := names[name]; !ok {
			return staleReason{reasonf("the type has no field %s", quoteShort(name))}
		}
	}
	return nil
}

// record writes an object as (…), in the order of the type's fields.
func (e *textFormEncoder) record(dst []byte, m map[string]any) ([]byte, error) {
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
func (e *textFormEncoder) row(dst []byte, l []any) ([]byte, error) {
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
