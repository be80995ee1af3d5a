package pgvalue

// enumEncoder writes an enum's label, which must be one of those that the
// catalogue knew.
type enumEncoder struct {
	refuseAll
	labels map[string]struct{}
}

func (e *enumEncoder) text(dst []byte, s string) ([]byte, error) {
	if _, ok := e.labels[s]; !ok {
		return dst, staleReason{reason("not one of the enum's labels")}
	}
	return append(dst, s...), nil
}

// charEncoder writes "char", PostgreSQL's single byte. Only ASCII is taken,
// since PostgreSQL cuts a longer text without a word.
type charEncoder struct{ refuseAll }

func (charEncoder) text(dst []byte, s string) ([]byte, error) {
	switch {
	case s == "":
		return append(dst, 0), nil
	case len(s) > 1 || s[0] == 0 || s[0] >= 0x80:
		return dst, reason("not a single ASCII character")
	}
	return append(dst, s[0]), nil
}

func (e charEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if n < 0 || n > 9 {
		return dst, reason("not a single digit")
	}
	return append(dst, '0'+byte(n)), nil
}

func (e charEncoder) number(dst []byte, s string) ([]byte, error) { return e.text(dst, s) }
