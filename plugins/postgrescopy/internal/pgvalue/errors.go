package pgvalue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxShownBytes bounds how much of a value an error shows.
const maxShownBytes = 64

// ValueError is a value that a column cannot take.
type ValueError struct {
	Column string // the column's name
	Type   string // the column's type, e.g. numeric(12,2)
	Value  string // the value, shortened to some 64 bytes, strings quoted
	Reason string // why, in words
	// Unread is the value's text form when the server may read it all the same:
	// see [Column.Read]. It is empty otherwise.
	Unread string
	// Catalogue is set when the refusal rests on what the catalogue said when
	// the types were loaded (an enum's labels, say): it may be stale, so load
	// the types again once before the value is rejected for good.
	Catalogue bool
}

// Error reads: column "price" numeric(12,2): cannot take "abc": not a number.
func (e *ValueError) Error() string {
	return fmt.Sprintf("column %q %s: cannot take %s: %s", e.Column, e.Type, e.Value, e.Reason)
}

// staleReason is a refusal that rests on the catalogue as it was loaded.
type staleReason struct{ error }

func newValueError(c *Column, v any, err error) *ValueError {
	refused := &ValueError{Column: c.Name, Type: c.Type, Value: show(v), Reason: err.Error()}
	var stale staleReason
	refused.Catalogue = errors.As(err, &stale)
	if text, ok := v.(string); ok && trimSpace(text) == "" {
		refused.Reason = string(errEmpty)
		return refused
	}
	var left unread
	if _, isObject := v.(map[string]any); errors.As(err, &left) && !isObject && !(isList(v) && c.text.hasFields()) {
		if text, err := appendValue(nil, c.text, v); err == nil {
			refused.Unread = string(text)
		}
	}
	return refused
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

// show returns a value for an error's message.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return quoteShort(v)
	case []byte:
		return quoteShort(shortBytes(v))
	case json.Number:
		return shorten(string(v))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case map[string]any:
		return fmt.Sprintf("an object of %d fields", len(v))
	case []any:
		return fmt.Sprintf("an array of %d items", len(v))
	case float64:
		return string(appendFloatText(nil, v, 64))
	default:
		return shorten(fmt.Sprint(v))
	}
}

// shortBytes copies no more of b than an error may show.
func shortBytes(b []byte) string {
	if len(b) > maxShownBytes+utf8.UTFMax {
		b = b[:maxShownBytes+utf8.UTFMax]
	}
	return string(b)
}

func quoteShort(s string) string {
	if short := cut(s); len(short) < len(s) {
		return strconv.Quote(short) + "…"
	}
	return strconv.Quote(s)
}

func shorten(s string) string {
	if short := cut(s); len(short) < len(s) {
		return short + "…"
	}
	return s
}

// cut returns the first bytes of s, and never half a character.
func cut(s string) string {
	if len(s) <= maxShownBytes {
		return s
	}
	end := maxShownBytes
	for end > maxShownBytes-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
