package pgvalue

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

const errNotJSON = reason("not valid JSON; to store it as a JSON string give it as JSON text, with .format_json() in Bloblang")

// maxJSONDepth bounds nesting, so that no value exhausts the stack.
const maxJSONDepth = 5_000

// jsonEncoder writes json and jsonb. Objects, arrays, numbers, booleans and
// timestamps become JSON. A string (or bytes) is JSON text already, as
// PostgreSQL reads it and as users of sql_insert send it: "hello" without
// quotes inside is refused. What is valid JSON but no jsonb (\u0000, say) is left
// to the server to refuse.
type jsonEncoder struct {
	binary bool // jsonb, whose bytes start with a version
}

func (e *jsonEncoder) start(dst []byte) []byte {
	if e.binary {
		return append(dst, 1)
	}
	return dst
}

func (e *jsonEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	if !json.Valid(bytesOf(s)) {
		return dst, errNotJSON
	}
	return append(e.start(dst), s...), nil
}

func (e *jsonEncoder) integer(dst []byte, n int64) ([]byte, error) {
	return strconv.AppendInt(e.start(dst), n, 10), nil
}

func (e *jsonEncoder) float(dst []byte, f float64) ([]byte, error) {
	return appendJSON(e.start(dst), f, 0)
}

func (e *jsonEncoder) number(dst []byte, s string) ([]byte, error) {
	return append(e.start(dst), s...), nil
}

func (e *jsonEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	return strconv.AppendBool(e.start(dst), b), nil
}

func (e *jsonEncoder) instant(dst []byte, t time.Time) ([]byte, error) {
	return appendJSON(e.start(dst), t, 0)
}

func (e *jsonEncoder) object(dst []byte, m map[string]any) ([]byte, error) {
	return e.any(dst, m)
}

func (e *jsonEncoder) list(dst []byte, l []any) ([]byte, error) {
	return e.any(dst, l)
}

func (e *jsonEncoder) any(dst []byte, v any) ([]byte, error) {
	return appendJSON(e.start(dst), v, 0)
}

// appendJSON writes v as JSON, the keys of objects sorted.
func appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendJSONString(dst, v)
	case []byte:
		return appendJSONString(dst, view(v))
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, reason("JSON has no NaN and no infinity")
		}
		return appendFloatText(dst, v, 64), nil
	case json.Number:
		if !isNumber(string(v)) {
			return dst, errNotNumber
		}
		return append(dst, v...), nil
	case time.Time:
		dst = append(dst, '"')
		return append(v.AppendFormat(dst, time.RFC3339Nano), '"'), nil
	case []any:
		return appendJSONArray(dst, v, depth+1)
	case map[string]any:
		return appendJSONObject(dst, v, depth+1)
	}
	return appendRareValue(dst, &jsonEncoder{}, v)
}

func appendJSONArray(dst []byte, l []any, depth int) ([]byte, error) {
	if depth > maxJSONDepth {
		return dst, reasonf("nested more than %d deep", maxJSONDepth)
	}
	dst = append(dst, '[')
	for i, v := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSON(dst, v, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendJSONObject(dst []byte, m map[string]any, depth int) ([]byte, error) {
	if depth > maxJSONDepth {
		return dst, reasonf("nested more than %d deep", maxJSONDepth)
	}
	var few [16]string
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSONString(dst, key); err != nil {
			return dst, err
		}
		if dst, err = appendJSON(append(dst, ':'), m[key], depth); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendJSONString quotes s, escaping no more than JSON asks for.
func appendJSONString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, errNotUTF8
	}
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case 0:
			return dst, errNUL
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"'), nil
}
