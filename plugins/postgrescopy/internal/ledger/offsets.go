package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// position is the offset of one message.
type position struct {
	channel int // in Offsets.channels
	offset  int64
}

// channel is a channel whose messages go to one table.
type channel struct {
	table int // the table's place in the batch
	name  string
}

// noWatermark is less than every watermark that says anything.
const noWatermark = math.MinInt64

// Offsets are the offsets of a batch of messages. One goroutine uses them at a
// time.
type Offsets struct {
	channels []channel
	low      []int64 // the low watermarks of the channels
	byName   map[channel]int
	last     int        // the channel noted last
	of       []position // by message; channel -1: none, the message has no offset
}

// NewOffsets returns room for the offsets of so many messages.
func NewOffsets(messages int) *Offsets {
	m := &Offsets{byName: map[channel]int{}, of: make([]position, messages)}
	for i := range m.of {
		m.of[i].channel = -1
	}
	return m
}

// Set notes the offset of a message for the table with this place in the batch.
func (m *Offsets) Set(message, table int, name, offset []byte) error {
	i := m.last
	if i >= len(m.channels) || m.channels[i].table != table || m.channels[i].name != string(name) {
		var ok bool
		if i, ok = m.byName[channel{table, string(name)}]; !ok {
			if err := checkChannel(name); err != nil {
				return err
			}
			i = len(m.channels)
			added := channel{table, string(name)}
			m.channels, m.low = append(m.channels, added), append(m.low, noWatermark)
			m.byName[added] = i
		}
		m.last = i
	}
	n, err := strconv.ParseInt(string(offset), 10, 64)
	if err != nil || n == math.MaxInt64 {
		return pgerr.Rejection{Kind: "ledger", Message: fmt.Sprintf("exactly_once.offset_token gave %q: it must be an integer from -9223372036854775808 to 9223372036854775806", offset)}
	}
	m.of[message] = position{i, n}
	return nil
}

// LastOfChannels returns the last message of each channel.
func (m *Offsets) LastOfChannels() []int {
	last := make([]int, len(m.channels))
	for message, at := range m.of {
		if at.channel >= 0 {
			last[at.channel] = message
		}
	}
	return last
}

// SetWatermark notes the low watermark that a message carries: all messages of
// its channel with a lower offset are done.
func (m *Offsets) SetWatermark(message int, watermark []byte) error {
	at := m.of[message].channel
	if at < 0 || len(watermark) == 0 {
		return nil
	}
	n, err := strconv.ParseInt(string(watermark), 10, 64)
	if err != nil {
		return pgerr.Rejection{Kind: "ledger", Message: fmt.Sprintf("exactly_once.low_watermark gave %q: it must be an integer, or nothing", watermark)}
	}
	m.low[at] = max(m.low[at], n)
	return nil
}

// maxChannel is how long the name of a channel may be, so that the ledger's index
// can hold it.
const maxChannel = 2000

func checkChannel(channel []byte) error {
	switch {
	case len(channel) > maxChannel:
		return pgerr.Rejection{Kind: "ledger", Message: fmt.Sprintf("exactly_once.channel gave a name of %d bytes: it may have %d", len(channel), maxChannel)}
	case len(channel) == 0:
		return pgerr.Rejection{Kind: "ledger", Message: "exactly_once.channel gave nothing: every message needs the name of its channel"}
	case !utf8.Valid(channel) || bytes.IndexByte(channel, 0) >= 0:
		return pgerr.Rejection{Kind: "ledger", Message: fmt.Sprintf("exactly_once.channel gave %q, which is not text that PostgreSQL can store", channel)}
	}
	return nil
}

// Repeated returns the messages that have the same offset as one before them in
// the batch, each with the message that it repeats.
func (m *Offsets) Repeated() map[int]int {
	if m.ascending() {
		return nil
	}
	var repeats map[int]int
	order := make([]int, 0, len(m.of))
	for i := range m.of {
		if m.of[i].channel >= 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(m.of[i].channel, m.of[j].channel), cmp.Compare(m.of[i].offset, m.of[j].offset), cmp.Compare(i, j))
	})
	first := -1
	for _, i := range order {
		if first >= 0 && m.of[first] == m.of[i] {
			if repeats == nil {
				repeats = map[int]int{}
			}
			repeats[i] = first
			continue
		}
		first = i
	}
	return repeats
}

// ascending reports whether every message has a higher offset than those before it
// in its channel, which is how they come as a rule.
func (m *Offsets) ascending() bool {
	next := make([]int64, len(m.channels)) // the lowest offset that is higher
	for i := range next {
		next[i] = math.MinInt64
	}
	for _, at := range m.of {
		if at.channel < 0 {
			continue
		}
		if at.offset < next[at.channel] {
			return false
		}
		next[at.channel] = at.offset + 1 // no offset is as high as can be
	}
	return true
}

// Ranges are offsets of a channel.
type Ranges struct {
	Scope   string // what they are done for
	Channel string
	part    int64
	offsets string // as a literal of int8multirange
	low     int64  // the channel's low watermark
}

// partBits is how many bits of an offset are left out of its part: a part has
// 4,096 offsets.
const partBits = 12

// part returns the part of the ledger that an offset of a channel is marked in. A
// channel with a low watermark has one part, 0, since its gaps are few. Without
// one they stay, and a row of the ledger for all of them would be written again
// with each mark.
func (m *Offsets) part(at position) int64 {
	if m.low[at.channel] != noWatermark {
		return 0
	}
	return at.offset >> partBits
}

// ranges returns the offsets of the messages that want admits, once for each
// scope, channel and part that has any. The scopes are those of the batch's tables.
func (m *Offsets) ranges(scopes []string, part func(position) int64, want func(message int) bool) []Ranges {
	type key struct {
		scope, channel string
		part           int64
	}
	byKey := map[key]int{} // two names may mean one table
	var found []Ranges
	var lists [][]int64
	last, lastAt := key{}, position{channel: -1}
	n := 0
	for i, at := range m.of {
		if at.channel < 0 || !want(i) {
			continue
		}
		if p := part(at); at.channel != lastAt.channel || p != last.part {
			c := m.channels[at.channel]
			last = key{scopes[c.table], c.name, p}
			var ok bool
			if n, ok = byKey[last]; !ok {
				n, byKey[last] = len(found), len(found)
				found, lists = append(found, Ranges{last.scope, last.channel, last.part, "", noWatermark}), append(lists, nil)
			}
			found[n].low = max(found[n].low, m.low[at.channel])
		}
		lastAt = at
		lists[n] = append(lists[n], at.offset)
	}
	for n, list := range lists {
		found[n].offsets = multirange(list)
	}
	return found
}

// Marked returns the offsets of the messages that want admits, to be marked.
func (m *Offsets) Marked(scopes []string, want func(message int) bool) []Ranges {
	return m.ranges(scopes, m.part, want)
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

// within adds the messages of a scope and channel whose offsets lie in the
// multirange.
func (m *Offsets) within(scopes []string, scope, name, multirange string, done map[int]bool) error {
	ranges, err := parseMultirange(multirange)
	if err != nil {
		return err
	}
	for message, at := range m.of {
		if at.channel < 0 || m.channels[at.channel].name != name || scopes[m.channels[at.channel].table] != scope {
			continue
		}
		n, _ := slices.BinarySearchFunc(ranges, at.offset, func(r [2]int64, offset int64) int {
			return cmp.Compare(r[1], offset+1) // the first range that ends behind it
		})
		if n < len(ranges) && ranges[n][0] <= at.offset {
			done[message] = true
		}
	}
	return nil
}

// parseMultirange reads an int8multirange as PostgreSQL writes it.
func parseMultirange(s string) ([][2]int64, error) {
	inner, closed := strings.CutSuffix(strings.TrimPrefix(s, "{"), "}")
	if !closed {
		return nil, fmt.Errorf("reading the ledger: %q is no multirange", s)
	}
	var ranges [][2]int64
	for part := range strings.SplitSeq(inner, ")") {
		part = strings.TrimLeft(part, ",[")
		if part == "" {
			continue
		}
		from, to, _ := strings.Cut(part, ",")
		low, err1 := strconv.ParseInt(from, 10, 64)
		high, err2 := strconv.ParseInt(to, 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("reading the ledger: %q is no multirange of finite ranges: %w", s, err)
		}
		ranges = append(ranges, [2]int64{low, high})
	}
	return ranges, nil
}
