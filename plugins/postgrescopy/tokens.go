package postgrescopy

import (
	"encoding/json"
	"regexp"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// token is an interpolated field that is wanted of every message. The plain
// forms, which name metadata and nothing else, are read straight from the
// messages, in a tenth of the time that the interpolation of a field takes.
type token struct {
	text  string
	field *service.InterpolatedString
	plain []tokenPart // nil: the field needs to be interpolated
}

// tokenPart is a piece of text, or the metadata of a name.
type tokenPart struct {
	text string
	name string
}

var plainToken = regexp.MustCompile(`\$\{!\s*(?:@([A-Za-z_][A-Za-z0-9_]*)|metadata\("([^"\\]*)"\))\s*\}`)

func newToken(text string, field *service.InterpolatedString) *token {
	t := &token{text: text, field: field}
	var plain []tokenPart
	end := 0
	for _, m := range plainToken.FindAllStringSubmatchIndex(text, -1) {
		plain = append(plain, tokenPart{text: text[end:m[0]]})
		name := tokenPart{}
		if m[2] >= 0 {
			name.name = text[m[2]:m[3]]
		} else {
			name.name = text[m[4]:m[5]]
		}
		plain = append(plain, name)
		end = m[1]
	}
	plain = append(plain, tokenPart{text: text[end:]})
	for _, p := range plain {
		if containsInterpolation(p.text) {
			return t
		}
	}
	t.plain = plain
	return t
}

// metadata returns the name of the metadata that the field is, if it is no more.
func (t *token) metadata() string {
	name := ""
	for _, p := range t.plain {
		if p.text != "" || (p.name != "" && name != "") {
			return ""
		}
		name += p.name
	}
	return name
}

// containsInterpolation reports whether text may mean more than itself.
func containsInterpolation(text string) bool {
	for i := range len(text) {
		if text[i] == '$' {
			return true
		}
	}
	return false
}

// reader returns the field's value for each message of a batch. The bytes are good
// until the next call. An empty value is different from null, which is no bytes.
func (t *token) reader(batch service.MessageBatch) func(i int) ([]byte, error) {
	var buf []byte
	if t.plain != nil {
		return func(i int) ([]byte, error) {
			var ok bool
			if buf, ok = t.append(buf[:0], batch[i]); !ok {
				return nil, nil
			}
			return buf, nil
		}
	}
	executor := batch.InterpolationExecutor(t.field)
	return func(i int) ([]byte, error) {
		value, err := executor.TryBytes(i)
		if string(value) == "null" {
			return nil, err
		}
		return value, err
	}
}

// append adds the field's value for a message to dst. It reports false when the
// value of a metadata is missing or null.
func (t *token) append(dst []byte, message *service.Message) ([]byte, bool) {
	for _, p := range t.plain {
		if p.name == "" {
			dst = append(dst, p.text...)
			continue
		}
		value, ok := message.MetaGetMut(p.name)
		if !ok {
			return dst, false
		}
		switch v := value.(type) {
		case nil:
			return dst, false
		case string:
			dst = append(dst, v...)
		case []byte:
			dst = append(dst, v...)
		case int64:
			dst = strconv.AppendInt(dst, v, 10)
		case int:
			dst = strconv.AppendInt(dst, int64(v), 10)
		case json.Number:
			dst = append(dst, v...)
		default:
			text, err := json.Marshal(v)
			if err != nil {
				return dst, false
			}
			dst = append(dst, text...)
		}
	}
	return dst, true
}
