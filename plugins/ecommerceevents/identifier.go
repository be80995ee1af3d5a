package ecommerceevents

import "encoding/hex"

// identifiers makes UUIDs of version 7 (RFC 9562): 48 bits of Unix milliseconds,
// a 12-bit counter within the millisecond, and 62 random bits. Those of events
// ascend even if the clock goes back.
type identifiers struct {
	random *random
	millis int64
	count  uint16
}

// uuidLength is the length of a UUID in text.
const uuidLength = 36

// appendNext appends the next UUID of the ascending sequence, for an event at
// these Unix milliseconds.
func (g *identifiers) appendNext(dst []byte, millis int64) []byte {
	noise := g.random.Uint64()
	switch {
	case millis > g.millis:
		g.millis = millis
		g.count = uint16(noise>>62) << 8 // leaves most of the 12 bits for counting
	case g.count < 0xfff:
		g.count++
	default:
		g.millis++ // the counter is full: borrow from the next millisecond
		g.count = 0
	}
	return appendUUIDv7(dst, g.millis, g.count, noise)
}

// appendAny appends a UUID for these Unix milliseconds that is not part of the
// ascending sequence.
func (g *identifiers) appendAny(dst []byte, millis int64) []byte {
	return appendUUIDv7(dst, millis, uint16(g.random.Uint64()), g.random.Uint64())
}

func appendUUIDv7(dst []byte, millis int64, count uint16, noise uint64) []byte {
	var u [16]byte
	u[0], u[1], u[2] = byte(millis>>40), byte(millis>>32), byte(millis>>24)
	u[3], u[4], u[5] = byte(millis>>16), byte(millis>>8), byte(millis)
	u[6], u[7] = 0x70|byte(count>>8)&0x0f, byte(count)
	u[8] = 0x80 | byte(noise>>56)&0x3f
	for i := 9; i < 16; i++ {
		u[i] = byte(noise >> (8 * (15 - i)))
	}
	var text [uuidLength]byte
	hex.Encode(text[0:8], u[0:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:36], u[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(dst, text[:]...)
}
