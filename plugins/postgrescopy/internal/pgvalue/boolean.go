package pgvalue

const errNotBoolean = reason("not a boolean; PostgreSQL takes true, false, yes, no, on, off, 1, 0 and their unique prefixes")

// booleanEncoder writes boolean, from the spellings that PostgreSQL takes and
// from the numbers 1 and 0.
type booleanEncoder struct{ refuseAll }

func (booleanEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	if b {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (e booleanEncoder) text(dst []byte, s string) ([]byte, error) {
	b, ok := parseBoolean(trimSpace(s))
	if !ok {
		return dst, errNotBoolean
	}
	return e.boolean(dst, b)
}

func (e booleanEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if n != 0 && n != 1 {
		return dst, errNotBoolean
	}
	return e.boolean(dst, n == 1)
}

func (e booleanEncoder) float(dst []byte, f float64) ([]byte, error) {
	if f != 0 && f != 1 {
		return dst, errNotBoolean
	}
	return e.boolean(dst, f == 1)
}

func (e booleanEncoder) number(dst []byte, s string) ([]byte, error) {
	return e.text(dst, s)
}

// parseBoolean reads what parse_bool of PostgreSQL reads.
func parseBoolean(s string) (value, ok bool) {
	if s == "" {
		return false, false
	}
	switch toLower(s[0]) {
	case 't':
		return true, isPrefix(s, "true")
	case 'f':
		return false, isPrefix(s, "false")
	case 'y':
		return true, isPrefix(s, "yes")
	case 'n':
		return false, isPrefix(s, "no")
	case 'o':
		if equalFold(s, "on") {
			return true, true
		}
		return false, len(s) > 1 && isPrefix(s, "off")
	case '1':
		return true, len(s) == 1
	case '0':
		return false, len(s) == 1
	}
	return false, false
}

// isPrefix reports whether the word, in lower case, starts with s in any case.
func isPrefix(s, word string) bool {
	return len(s) <= len(word) && equalFold(s, word[:len(s)])
}
