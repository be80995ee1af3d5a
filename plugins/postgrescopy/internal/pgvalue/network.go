package pgvalue

import (
	"net/netip"
	"strings"
)

// Address families and marks of inet's binary form.
const (
	familyIPv4 = 2 // PGSQL_AF_INET
	familyIPv6 = 3
)

const (
	errNotInet = reason("not an IPv4 or IPv6 address, written out in full, with an optional /bits")
	errNotCIDR = reason("not a network: bits are set to the right of the mask")
	errNotMAC  = reason("not a MAC address")
)

// networkEncoder writes inet and cidr. The abbreviated forms of IPv4 networks,
// such as 10/8, are refused.
type networkEncoder struct {
	refuseAll
	cidr bool
}

func (e *networkEncoder) text(dst []byte, s string) ([]byte, error) {
	host, mask, masked := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return dst, errNotInet
	}
	bits := addr.BitLen()
	if masked {
		// A leading zero or sign is left to nobody's reading.
		n, err := parseInteger(mask)
		if err != nil || n > int64(bits) || !isDigit(mask[0]) || (mask[0] == '0' && len(mask) > 1) {
			return dst, errNotInet
		}
		bits = int(n)
	}
	if e.cidr {
		if prefix, err := addr.Prefix(bits); err != nil || prefix.Addr() != addr {
			return dst, errNotCIDR
		}
	}
	isCIDR := byte(0)
	if e.cidr {
		isCIDR = 1
	}
	if addr.Is4() {
		four := addr.As4()
		return append(append(dst, familyIPv4, byte(bits), isCIDR, 4), four[:]...), nil
	}
	sixteen := addr.As16()
	return append(append(dst, familyIPv6, byte(bits), isCIDR, 16), sixteen[:]...), nil
}

// macEncoder writes macaddr and macaddr8, from the forms that PostgreSQL
// documents, two hex digits a byte. A macaddr8 of six bytes gets FF and FE in
// its middle.
type macEncoder struct {
	refuseAll
	size int // 6 or 8
}

func (e *macEncoder) text(dst []byte, s string) ([]byte, error) {
	mac, count, separator, before, ok := parseMAC(trimSpace(s))
	switch {
	case !ok:
		return dst, errNotMAC
	case e.size == 6 && (count != 6 || !macForm(separator, before)):
		return dst, errNotMAC
	case e.size == 6 || count == 8:
		return append(dst, mac[:count]...), nil
	case count == 6:
		return append(dst, mac[0], mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]), nil
	}
	return dst, errNotMAC
}

// parseMAC reads pairs of hex digits with one kind of separator between some of
// them; bit n of before is set when one stands before byte n.
func parseMAC(s string) (mac [8]byte, count int, separator byte, before uint, ok bool) {
	for i := 0; i < len(s); {
		if count > 0 && hexValue[s[i]] > 15 {
			c := s[i]
			if (c != ':' && c != '-' && c != '.') || (separator != 0 && c != separator) {
				return mac, 0, 0, 0, false
			}
			separator, before = c, before|1<<count
			i++
		}
		if count == 8 || i+1 >= len(s) || hexValue[s[i]]|hexValue[s[i+1]] > 15 {
			return mac, 0, 0, 0, false
		}
		mac[count] = hexValue[s[i]]<<4 | hexValue[s[i+1]]
		count++
		i += 2
	}
	return mac, count, separator, before, true
}

// macForm says whether macaddr takes six bytes with separators at these places;
// macaddr8 takes them anywhere.
func macForm(separator byte, before uint) bool {
	const each, pairs, halves = 0b111110, 0b010100, 0b001000
	switch separator {
	case ':':
		return before == each || before == halves
	case '-':
		return before == each || before == halves || before == pairs
	case '.':
		return before == pairs
	}
	return true
}
