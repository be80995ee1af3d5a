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

// Offsets are the offsets of a batch of messages.
type Offsets struct {
	channels []string
	byName   map[string]int
	last     int        // the channel noted last
	of       []position // by message; channel -1: none, the message has no offset
}

// NewOffsets returns room for the offsets of so many messages.
func NewOffsets(messages int) *Offsets {
	m := &Offsets{byName: map[string]int{}, of: make([]position, messages)}
	for i := range m.of {
		m.of[i].channel = -1
	}
	return m
}

// Set notes the offset of a message.
func (m *Offsets) Set(message int, channel, offset []byte) error {
	i := m.last
	if i >= len(m.channels) || m.channels[i] != string(channel) {
		var ok bool
		if i, ok = m.byName[string(channel)]; !ok {
			if err := checkChannel(channel); err != nil {
				return err
			}
			i = len(m.channels)
			m.channels = append(m.channels, string(channel))
			m.byName[string(channel)] = i
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

// Ranges returns the offsets of the messages that want admits, as a literal of
// int8multirange for each channel that has any, sorted by channel.
func (m *Offsets) Ranges(want func(message int) bool) []ChannelRanges {
	offsets := make([][]int64, len(m.channels))
	for i, at := range m.of {
		if at.channel >= 0 && want(i) {
			offsets[at.channel] = append(offsets[at.channel], at.offset)
		}
	}
	var found []ChannelRanges
	for i, list := range offsets {
		if len(list) > 0 {
			found = append(found, ChannelRanges{m.channels[i], multirange(list)})
		}
	}
	slices.SortFunc(found, func(x, y ChannelRanges) int { return strings.Compare(x.Channel, y.Channel) })
	return found
}

// ChannelRanges are offsets of a channel, as a literal of int8multirange.
type ChannelRanges struct{ Channel, Offsets string }

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

// within adds the messages of a channel whose offsets lie in the multirange.
func (m *Offsets) within(channel, multirange string, done map[int]bool) error {
	i, ok := m.byName[channel]
	if !ok {
		return nil
	}
	ranges, err := parseMultirange(multirange)
	if err != nil {
		return err
	}
	for message, at := range m.of {
		if at.channel != i {
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
