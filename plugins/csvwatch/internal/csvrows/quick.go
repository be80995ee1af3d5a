package csvrows

import (
	"encoding/binary"
	"math/bits"
)

const (
	eachByte = 0x0101010101010101
	lowBits  = 0x7f * eachByte
)

// hits has the high bit of each of the eight bytes of b that are as in pattern (a byte times eachByte), and no other.
func hits(b []byte, pattern uint64) uint64 {
	x := binary.LittleEndian.Uint64(b) ^ pattern
	return ^((x&lowBits + lowBits) | x | lowBits)
}

// first gives the number of the first byte that was hit.
func first(hits uint64) int { return bits.TrailingZeros64(hits) >> 3 }

// split cuts line at each delimiter and gives the number of cells, of which as many as fit are in cells. b begins with
// the bytes of line and has at least padBytes more.
func split(cells []string, line string, b []byte, delimiter byte) int {
	pattern := uint64(delimiter) * eachByte
	n, start := 0, 0
	for i := 0; i < len(line); i += 8 {
		for found := hits(b[i:], pattern); found != 0; found &= found - 1 {
			at := i + first(found)
			if at >= len(line) {
				break
			}
			if n < len(cells) {
				cells[n] = line[start:at]
			}
			n++
			start = at + 1
		}
	}
	if n < len(cells) {
		cells[n] = line[start:]
	}
	return n + 1
}

// quick does what scan.run does for a whole record in b[:n] that is written as most are, with a delimiter of one byte
// and without lazy quotes. At anything else, also at more than most cells, it gives up, and scan.run is to look at the
// record from its start. b has at least padBytes more than n.
func quick(b []byte, n int, syn *syntax, spans []span, most int) (_ []span, length, next int, ok bool) {
	const quote = '"' * eachByte
	delimiter := syn.delimiter[0]
	i := 0
	for cells := 0; i < n && cells < most; cells++ {
		start, doubled := i, false
		if b[i] == '"' {
			start++
			for i++; ; i += 2 {
				found := hits(b[i:], quote)
				for found == 0 {
					if i += 8; i >= n {
						return spans, 0, 0, false
					}
					found = hits(b[i:], quote)
				}
				if i += first(found); i+1 >= n {
					return spans, 0, 0, false
				}
				if b[i+1] != '"' {
					break
				}
				doubled = true
			}
			spans = append(spans, span{start: int32(start), end: int32(i), doubled: doubled})
			i++
		} else {
			for i < n && !syn.special[b[i]] {
				i++
			}
			spans = append(spans, span{start: int32(start), end: int32(i)})
		}
		switch {
		case i >= n:
			return spans, 0, 0, false
		case b[i] == delimiter:
			i++
		case b[i] == '\n':
			return spans, i, i + 1, true
		case b[i] == '\r' && i+1 < n && b[i+1] == '\n':
			return spans, i, i + 2, true
		default:
			return spans, 0, 0, false
		}
	}
	return spans, 0, 0, false
}
