package postgrescopy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// ledger is the table that holds which offsets of which channels have been
// dealt with: their rows, or the rejections of their rows, were committed by
// the transaction that wrote them into the ledger.
//
//	channel    text PRIMARY KEY
//	offsets    int8multirange NOT NULL
//	updated_at timestamptz NOT NULL
//
// It holds each offset and not just the highest, since batches may commit out
// of order, and a rejected row stays open until its rejection is stored. In the
// long run the offsets of a channel merge into one range.
type ledger struct{ quoted string }

// overlapMark begins what a mark fails on when another transaction has dealt
// with one of the offsets meanwhile, as people will find it in the server's log.
const overlapMark = "postgres_copy: another transaction has written some of these offsets, so they are looked up: channels marked: "

// isOverlap recognises that failure.
func isOverlap(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && strings.Contains(pgErr.Message, overlapMark)
}

// ledgerLock is the advisory lock under which a ledger is made.
const ledgerLock = 0x70_67_63_6f_70_79_6c // "pgcopyl"

// createStatement makes the ledger unless it is there.
func (l *ledger) createStatement() string {
	return `CREATE TABLE IF NOT EXISTS ` + l.quoted + ` (
	channel text PRIMARY KEY,
	offsets int8multirange NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
) WITH (fillfactor = 50)`
}

// mark is the offset of one message.
type mark struct {
	channel int // in marks.channels
	offset  int64
}

// marks are the offsets of a batch of messages.
type marks struct {
	channels []string
	byName   map[string]int
	last     int    // the channel noted last
	of       []mark // by message; channel -1: none, the message has no offset
}

func newMarks(messages int) *marks {
	m := &marks{byName: map[string]int{}, of: make([]mark, messages)}
	for i := range m.of {
		m.of[i].channel = -1
	}
	return m
}

// set notes the offset of a message.
func (m *marks) set(message int, channel, offset []byte) error {
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
		return rejection{"ledger", fmt.Sprintf("exactly_once.offset_token gave %q: it must be an integer from -9223372036854775808 to 9223372036854775806", offset)}
	}
	m.of[message] = mark{i, n}
	return nil
}

// maxChannel is how long the name of a channel may be, so that the ledger's index
// can hold it.
const maxChannel = 2000

func checkChannel(channel []byte) error {
	switch {
	case len(channel) > maxChannel:
		return rejection{"ledger", fmt.Sprintf("exactly_once.channel gave a name of %d bytes: it may have %d", len(channel), maxChannel)}
	case len(channel) == 0:
		return rejection{"ledger", "exactly_once.channel gave nothing: every message needs the name of its channel"}
	case !utf8.Valid(channel) || bytes.IndexByte(channel, 0) >= 0:
		return rejection{"ledger", fmt.Sprintf("exactly_once.channel gave %q, which is not text that PostgreSQL can store", channel)}
	}
	return nil
}

// repeated finds messages that have the same offset as one before them in the
// batch, and gives for each the message that it repeats.
func (m *marks) repeated() map[int]int {
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

// ascending says whether every message has a higher offset than those before it
// in its channel, which is how they come as a rule.
func (m *marks) ascending() bool {
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

// ranges gives the offsets of the messages that want admits, as a literal of
// int8multirange for each channel that has any, sorted by channel.
func (m *marks) ranges(want func(message int) bool) []channelRanges {
	offsets := make([][]int64, len(m.channels))
	for i, at := range m.of {
		if at.channel >= 0 && want(i) {
			offsets[at.channel] = append(offsets[at.channel], at.offset)
		}
	}
	var found []channelRanges
	for i, list := range offsets {
		if len(list) > 0 {
			found = append(found, channelRanges{m.channels[i], multirange(list)})
		}
	}
	slices.SortFunc(found, func(x, y channelRanges) int { return strings.Compare(x.channel, y.channel) })
	return found
}

type channelRanges struct{ channel, offsets string }

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

// markStatement enters the offsets into the ledger, or fails, and with it the
// transaction, when one of them is there already. It is the last statement
// before COMMIT, so that batches of one channel wait for each other's COMMIT
// only and not for each other's COPY. Channels are locked in the order of their
// names. (It fails by casting a text to a number, since a DO block, which could
// raise an error of its own, takes three times as long.)
func (l *ledger) markStatement(ranges []channelRanges) string {
	if len(ranges) == 0 {
		return ""
	}
	return `WITH marked AS (INSERT INTO ` + l.quoted + ` AS l (channel, offsets) VALUES ` + valueList(ranges) +
		` ON CONFLICT (channel) DO UPDATE SET offsets = l.offsets + EXCLUDED.offsets, updated_at = pg_catalog.now()` +
		` WHERE NOT l.offsets && EXCLUDED.offsets RETURNING 1)` +
		` SELECT CASE WHEN pg_catalog.count(*) = ` + strconv.Itoa(len(ranges)) +
		` THEN 0 ELSE (` + quoteLiteral(overlapMark) + `||pg_catalog.count(*))::int4 END FROM marked`
}

// valueList writes ranges as rows of VALUES.
func valueList(ranges []channelRanges) string {
	values := make([]string, len(ranges))
	for i, r := range ranges {
		values[i] = "(" + quoteLiteral(r.channel) + ", '" + r.offsets + "'::pg_catalog.int8multirange)"
	}
	return strings.Join(values, ", ")
}

// read gives the messages whose offset the ledger holds.
func (l *ledger) read(ctx context.Context, conn *pgconn.PgConn, begin string, m *marks) (map[int]bool, error) {
	all := m.ranges(func(int) bool { return true })
	if len(all) == 0 {
		return nil, nil
	}
	rows, err := queryText(ctx, conn, begin+`SELECT l.channel, l.offsets * w.offsets FROM (VALUES `+valueList(all)+`) AS w (channel, offsets)
JOIN `+l.quoted+` AS l ON l.channel = w.channel AND l.offsets && w.offsets`)
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	for _, r := range rows {
		if err := m.within(r[0], r[1], done); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// within adds the messages of a channel whose offsets lie in the multirange.
func (m *marks) within(channel, multirange string, done map[int]bool) error {
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
