package ledger

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// A part has 4,096 offsets.
const (
	partBits = 12
	partSize = 1 << partBits
	lastPart = 1<<(63-partBits) - 1
)

// maxGaps is how many gaps within one part a batch marks as ranges. With more of
// them it marks bits.
const maxGaps = 8

// row is a row of the ledger, as a batch marks it or looks it up.
type row struct {
	scope, channel string
	part           int64
	offsets        string // as a literal of int8multirange
	bits           []byte // nil: NULL
	low            int64  // the channel's low watermark
}

// Marks are the rows that enter a batch's offsets into the ledger.
type Marks struct {
	// channels are the rows of part 0, one for each scope and channel. They are marked
	// first, and lock their channel until the transaction ends.
	channels []row
	parts    []row // the rows of other parts, and bits of part 0
}

// offsetsOfPart are offsets of a batch, in ascending order.
type offsetsOfPart struct {
	scope, channel string
	part           int64
	low            int64 // the channel's low watermark
	offsets        []int64
}

// byPart returns the offsets of the messages that want admits, for each scope,
// channel and part that has any. The scopes are those of the batch's tables.
func (m *Offsets) byPart(scopes []string, want func(message int) bool) []offsetsOfPart {
	type key struct {
		scope, channel string
		part           int64
	}
	byKey := map[key]int{} // two names may mean one table
	var parts []offsetsOfPart
	n, last := 0, position{channel: -1}
	for i, at := range m.of {
		if at.channel < 0 || !want(i) {
			continue
		}
		if at.channel != last.channel || at.offset>>partBits != last.offset>>partBits {
			c := m.channels[at.channel]
			k := key{scopes[c.table], c.name, at.offset >> partBits}
			var ok bool
			if n, ok = byKey[k]; !ok {
				n, byKey[k] = len(parts), len(parts)
				parts = append(parts, offsetsOfPart{k.scope, k.channel, k.part, noWatermark, nil})
			}
			parts[n].low = max(parts[n].low, m.low[at.channel])
		}
		last = at
		parts[n].offsets = append(parts[n].offsets, at.offset)
	}
	for _, p := range parts {
		slices.Sort(p.offsets)
	}
	return parts
}

// Marked returns the rows that mark the offsets of the messages that want admits.
// The ranges of a channel with a low watermark are in its row of part 0, since
// they soon merge. Without one gaps stay, and each part has its ranges in a row
// of its own, so that no mark writes all of them again.
func (m *Offsets) Marked(scopes []string, want func(message int) bool) Marks {
	type key struct{ scope, channel string }
	var marks Marks
	byChannel := map[key]int{}
	var ranges [][]int64 // of marks.channels
	for _, p := range m.byPart(scopes, want) {
		n, ok := byChannel[key{p.scope, p.channel}]
		if !ok {
			n, byChannel[key{p.scope, p.channel}] = len(ranges), len(ranges)
			marks.channels, ranges = append(marks.channels, row{p.scope, p.channel, 0, "", nil, p.low}), append(ranges, nil)
		}
		marks.channels[n].low = max(marks.channels[n].low, p.low)
		ofChannel, ofPart := p.offsets, []int64(nil)
		var bits []byte
		switch {
		case p.part < lastPart && gaps(p.offsets) > maxGaps:
			// The first offset is a range, with which the range up to the low watermark begins.
			first := 0
			if p.low != noWatermark {
				first = 1
			}
			ofChannel, bits = p.offsets[:first], bitsOf(p.offsets[first:])
		case p.low == noWatermark && p.part != 0:
			ofChannel, ofPart = nil, p.offsets
		}
		ranges[n] = append(ranges[n], ofChannel...)
		if bits != nil || ofPart != nil {
			marks.parts = append(marks.parts, row{p.scope, p.channel, p.part, multirange(ofPart), bits, p.low})
		}
	}
	for n, offsets := range ranges {
		marks.channels[n].offsets = multirange(offsets)
	}
	return marks
}

// gaps returns how many gaps there are between ascending offsets.
func gaps(offsets []int64) (n int) {
	for i, offset := range offsets[1:] {
		if offset > offsets[i]+1 {
			n++
		}
	}
	return n
}

// bitsOf returns the offsets of one part as a bitmap, the lowest first.
func bitsOf(offsets []int64) []byte {
	bits := make([]byte, partSize/8)
	for _, offset := range offsets {
		bit := offset & (partSize - 1)
		bits[bit/8] |= 1 << (7 - bit%8)
	}
	return bits
}

// multirange writes offsets, in any order, as an int8multirange: {[1,5),[7,8)}.
func multirange(offsets []int64) string {
	slices.Sort(offsets)
	text := []byte{'{'}
	for from := 0; from < len(offsets); {
		to := from + 1
		for to < len(offsets) && offsets[to] <= offsets[to-1]+1 {
			to++
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, '[')
		text = strconv.AppendInt(text, offsets[from], 10)
		text = append(text, ',')
		text = strconv.AppendInt(text, offsets[to-1]+1, 10)
		text = append(text, ')')
		from = to
	}
	return string(append(text, '}'))
}

// values writes rows as a table w that a statement selects from.
func values(rows []row) string {
	texts := make([]string, len(rows))
	for i, r := range rows {
		low, bits := "NULL", "NULL"
		if r.low != noWatermark {
			low = "'" + strconv.FormatInt(r.low, 10) + "'"
		}
		if r.bits != nil {
			bits = "X'" + hex.EncodeToString(r.bits) + "'"
		}
		texts[i] = "(" + sqltext.Literal(r.scope) + ", " + sqltext.Literal(r.channel) + ", '" + strconv.FormatInt(r.part, 10) + "'::int8, '" +
			r.offsets + "'::pg_catalog.int8multirange, " + bits + "::bit(4096), " + low + "::int8)"
	}
	return "(VALUES " + strings.Join(texts, ", ") + ") AS w (scope, channel, part, offsets, bits, low_watermark)"
}
