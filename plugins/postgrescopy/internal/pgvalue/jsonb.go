package pgvalue

import "strings"

const (
	errJSONNUL       = reason(`it holds \u0000, which jsonb cannot store`)
	errJSONSurrogate = reason("it holds half of a surrogate pair, which jsonb cannot store")
)

// checkJSONB refuses what is valid JSON but not jsonb: escapes that make no
// character of PostgreSQL's text, and numbers that numeric cannot hold.
func checkJSONB(s string) error {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"':
			end := stringEnd(s, i+1)
			if err := checkEscapes(s[i+1 : end]); err != nil {
				return err
			}
			i = end + 1
		case c == '-' || isDigit(c):
			end := i + 1
			for end < len(s) && strings.IndexByte("0123456789+-.eE", s[end]) >= 0 {
				end++
			}
			if err := checkJSONNumber(s[i:end]); err != nil {
				return err
			}
			i = end
		default:
			i++
		}
	}
	return nil
}

// stringEnd finds the quote that ends a string of valid JSON.
func stringEnd(s string, i int) int {
	for s[i] != '"' {
		if s[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

// checkEscapes looks at the \u escapes of a string of valid JSON.
func checkEscapes(s string) error {
	high := false // the last character was the first half of a pair
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], '\\')
		if high && n != 0 {
			return errJSONSurrogate
		}
		if n < 0 {
			return nil
		}
		i += n
		if s[i+1] != 'u' {
			if high {
				return errJSONSurrogate
			}
			i += 2
			continue
		}
		code := rune(0)
		for _, c := range []byte(s[i+2 : i+6]) {
			code = code<<4 | rune(hexValue[c])
		}
		low := code >= 0xdc00 && code < 0xe000
		if low != high {
			return errJSONSurrogate
		}
		if code == 0 {
			return errJSONNUL
		}
		high = code >= 0xd800 && code < 0xdc00
		i += 6
	}
	if high {
		return errJSONSurrogate
	}
	return nil
}
