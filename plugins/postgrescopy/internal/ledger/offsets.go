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

// within adds the messages whose offset is in a row of the ledger: its scope,
// channel, part, and those of the offsets and the bits that may be the batch's.
func (m *Offsets) within(scopes []string, row []string, done map[int]bool) error {
	ranges, err := parseMultirange(row[3])
	if err != nil {
		return err
	}
	part, err := strconv.ParseInt(row[2], 10, 64)
	if err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	bits := row[4] // a digit for each offset of the part, or none
	for message, at := range m.of {
		if at.channel < 0 || at.offset>>partBits != part || m.channels[at.channel].name != row[1] || scopes[m.channels[at.channel].table] != row[0] {
			continue
		}
		n, _ := slices.BinarySearchFunc(ranges, at.offset, func(r [2]int64, offset int64) int {
			return cmp.Compare(r[1], offset+1) // the first range that ends behind it
		})
		inRange := n < len(ranges) && ranges[n][0] <= at.offset
		if bit := int(at.offset & (partSize - 1)); inRange || bit < len(bits) && bits[bit] == '1' {
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
