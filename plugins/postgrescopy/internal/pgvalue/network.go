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

const errNotInet = unread("not an IPv4 or IPv6 address, written out in full, with an optional /bits")

// networkEncoder writes inet and cidr. The abbreviated forms of IPv4 networks,
// such as 10/8, are left to the server.
type networkEncoder struct {
	refuseAll
	cidr bool
}

func (e *networkEncoder) text(dst []byte, s string) ([]byte, error) {
	if err := checkText(s); err != nil {
		return dst, err
	}
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
			return dst, errNotInet
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
