package pgvalue

const errNotUUID = reason("not a UUID")

// uuidEncoder writes uuid, from every text form that PostgreSQL reads (32 hex
// digits in any case, a hyphen after any group of four, braces around it or
// not), and from 16 raw bytes.
type uuidEncoder struct{ refuseAll }

func (e uuidEncoder) bytes(dst []byte, b []byte) ([]byte, error) {
	if len(b) == 16 { // shorter than any text form, so it cannot be one
		return append(dst, b...), nil
	}
	return e.text(dst, view(b))
}

func (uuidEncoder) text(dst []byte, s string) ([]byte, error) {
	if n := len(s); n >= 2 && s[0] == '{' && s[n-1] == '}' {
		s = s[1 : n-1]
	}
	i := 0
	for n := range 16 {
		if i+2 > len(s) {
			return dst, errNotUUID
		}
		hi, lo := hexValue[s[i]], hexValue[s[i+1]]
		if hi|lo > 15 {
			return dst, errNotUUID
		}
		dst = append(dst, hi<<4|lo)
		i += 2
		if n%2 == 1 && n < 15 && i < len(s) && s[i] == '-' {
			i++
		}
	}
	if i != len(s) {
		return dst, errNotUUID
	}
	return dst, nil
}

// hexValue maps a hex digit to its value, and other bytes to 255.
var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i := range 10 {
		table['0'+i] = byte(i)
	}
	for i := range 6 {
		table['a'+i], table['A'+i] = byte(10+i), byte(10+i)
	}
	return table
}()
