package pgvalue

const errNotBytea = reason(`not bytea: after a backslash PostgreSQL takes another one or three octal digits, and after \x at the start an even number of hex digits`)

// byteaEncoder writes bytea: bytes as they are, and a string as PostgreSQL reads
// it, which is its bytes but for \x and hex digits, \\ and \ooo.
type byteaEncoder struct{ refuseAll }

func (byteaEncoder) bytes(dst []byte, b []byte) ([]byte, error) {
	return append(dst, b...), nil
}

func (byteaEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
	if len(s) >= 2 && s[0] == '\\' && s[1] == 'x' {
		return appendHexBytes(dst, s[2:])
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			dst = append(dst, s[i])
		case i+1 < len(s) && s[i+1] == '\\':
			dst = append(dst, '\\')
			i++
		case i+3 < len(s) && s[i+1]-'0' <= 3 && s[i+2]-'0' <= 7 && s[i+3]-'0' <= 7:
			dst = append(dst, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 3
		default:
			return dst, errNotBytea
		}
	}
	return dst, nil
}

// appendHexBytes reads pairs of hex digits, with white space between them.
func appendHexBytes(dst []byte, s string) ([]byte, error) {
	for i := 0; i < len(s); {
		if c := s[i]; c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		if i+1 == len(s) || hexValue[s[i]]|hexValue[s[i+1]] > 15 {
			return dst, errNotBytea
		}
		dst = append(dst, hexValue[s[i]]<<4|hexValue[s[i+1]])
		i += 2
	}
	return dst, nil
}
