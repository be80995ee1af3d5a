package pgvalue

const errNotBits = reason("not a bit string; PostgreSQL takes 0s and 1s, or x and hex digits")

// bitEncoder writes bit and varbit. The numbers 0 and 1 and booleans fit where a
// single bit does.
type bitEncoder struct {
	refuseAll
	exact int // bit(n): neither more nor less; 0 is no bound
	most  int // varbit(n); 0 is no bound
}

func (e *bitEncoder) text(dst []byte, s string) ([]byte, error) {
	perDigit := 1
	if s != "" && (s[0] == 'x' || s[0] == 'X') {
		perDigit = 4
		s = s[1:]
	} else if s != "" && (s[0] == 'b' || s[0] == 'B') {
		s = s[1:]
	}
	count := len(s) * perDigit
	if e.exact > 0 && count != e.exact {
		return dst, reasonf("%d bits where %d must be", count, e.exact)
	}
	if e.most > 0 && count > e.most {
		return dst, reasonf("%d bits, more than %d", count, e.most)
	}
	dst = appendInt32(dst, int32(count))
	last, room := byte(0), 8
	for i := range len(s) {
		v := hexValue[s[i]]
		if v >= 1<<perDigit {
			return dst, errNotBits
		}
		last, room = last<<perDigit|v, room-perDigit
		if room == 0 {
			dst, last, room = append(dst, last), 0, 8
		}
	}
	if room < 8 {
		dst = append(dst, last<<room)
	}
	return dst, nil
}

func (e *bitEncoder) boolean(dst []byte, b bool) ([]byte, error) {
	if e.exact > 1 {
		return dst, errBoolean
	}
	if b {
		return e.text(dst, "1")
	}
	return e.text(dst, "0")
}

func (e *bitEncoder) integer(dst []byte, n int64) ([]byte, error) {
	if n != 0 && n != 1 {
		return dst, errNotBits
	}
	return e.boolean(dst, n == 1)
}

func (e *bitEncoder) float(dst []byte, f float64) ([]byte, error) {
	if f != 0 && f != 1 {
		return dst, errNotBits
	}
	return e.boolean(dst, f == 1)
}

func (e *bitEncoder) number(dst []byte, s string) ([]byte, error) {
	if s != "0" && s != "1" {
		return dst, errNotBits
	}
	return e.text(dst, s)
}
