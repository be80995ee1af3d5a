// Package copyrows encodes rows in the binary form of COPY, puts them in order,
// and streams them.
package copyrows

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// Values are the values of one message, by name or by position.
type Values struct {
	Fields map[string]any // nil when Args has them
	Args   []any
	// Read has fields that the server has read (see Unread), by column.
	Read map[int][]byte
	// Err is why there are no values.
	Err error
	// Filtered is true for a message that is left out on purpose: it has no row.
	Filtered bool
}

// Rows holds the rows of one table in the binary form of COPY. One goroutine
// uses it at a time.
type Rows struct {
	table *table.Table
	buf   []byte // the rows, one behind the other
	keys  []byte // their keys, in a form whose bytes sort as the values do
	rows  []row
	sets  []*table.ColumnSet // those that the rows have, in the order they came

	// Unread are the values that Add has left to the server.
	Unread []Unread
	// Collects is true once a row had unknown fields that are collected. Collected are those that were so for the first
	// time.
	Collects  bool
	Collected []string

	// Scratch that is kept with the rest.
	present []byte     // the columns that a row has, a bit each
	keyAt   []int      // where the key's fields are in buf
	order   []int      // of Groups
	items   []sortItem // of sorting
}

// row is one encoded row.
type row struct {
	message  int // its place in the batch of messages
	from, to int // in buf: the number of fields, and the fields
	set      int // in sets
	key      int // in keys
	keyEnd   int // equal to key when the row has no key, or NULL in it
}

// maxPooledBytes and maxPooledRows bound what a pool keeps of rows that were
// unusually many or large.
const (
	maxPooledBytes = 16 << 20
	maxPooledRows  = 1 << 17
)

var pool = sync.Pool{New: func() any { return new(Rows) }}

// New takes Rows from a pool. Give them back with Release.
func New(t *table.Table) *Rows {
	b := pool.Get().(*Rows)
	b.table = t
	b.buf = slices.Grow(b.buf, int(t.UsualBytes.Load()))
	b.present = slices.Grow(b.present[:0], (len(t.Columns)+7)/8)[:(len(t.Columns)+7)/8]
	b.keyAt = slices.Grow(b.keyAt[:0], len(t.Keys))[:len(t.Keys)]
	return b
}

// Release returns the rows and their buffers to the pool.
func (b *Rows) Release() {
	b.table.UsualBytes.Store(int64(min(len(b.buf)+len(b.buf)/8, maxPooledBytes)))
	b.table = nil
	clear(b.sets)
	b.sets = b.sets[:0]
	b.Unread, b.Collects, b.Collected = nil, false, nil
	b.buf, b.keys = pooled(b.buf, maxPooledBytes), pooled(b.keys, maxPooledBytes)
	b.rows, b.order, b.items = pooled(b.rows, maxPooledRows), pooled(b.order, maxPooledRows), pooled(b.items, maxPooledRows)
	pool.Put(b)
}

// pooled empties a buffer, and drops it if it has room for more than most
// elements.
func pooled[T any](buf []T, most int) []T {
	if cap(buf) > most {
		return nil
	}
	return buf[:0]
}

// Message returns the place, in the batch of messages, of a row.
func (b *Rows) Message(row int) int { return b.rows[row].message }

// Unread is a value that only the server can read.
type Unread struct {
	Message, Column int
	// Value has the text. It is why the value is rejected if the server does not
	// read it either.
	Value *pgvalue.ValueError
}

// ErrUnread means that the row has values that only the server can read, which
// are in Rows.Unread.
var ErrUnread = errors.New("the row has values that only the server can read")

// Add encodes the values of a message. On error the rows are as they were before.
func (b *Rows) Add(message int, r Values) error {
	if r.Err != nil {
		return r.Err
	}
	clear(b.present)
	from, unread := len(b.buf), len(b.Unread)
	fields, err := b.encode(message, r)
	if err == nil && len(b.Unread) > unread {
		b.buf = b.buf[:from]
		return ErrUnread
	}
	if err != nil {
		b.buf, b.Unread = b.buf[:from], b.Unread[:unread]
		return err
	}
	binary.BigEndian.PutUint16(b.buf[from:], uint16(fields))
	next := row{message: message, from: from, to: len(b.buf), set: b.setIndex()}
	next.key, next.keyEnd = b.addKey()
	b.rows = append(b.rows, next)
	return nil
}

// SortByMessage puts rows that were added late in their place.
func (b *Rows) SortByMessage() {
	slices.SortFunc(b.rows, func(x, y row) int { return cmp.Compare(x.message, y.message) })
}

// encode appends the row, with no number of fields yet, and returns how many it
// has.
func (b *Rows) encode(message int, r Values) (fields int, err error) {
	columns := b.table.Columns
	b.buf = append(b.buf, 0, 0)
	for i := range b.keyAt {
		b.keyAt[i] = -1
	}
	if r.Fields == nil && len(r.Args) != len(columns) {
		return 0, pgerr.Rejection{Kind: "mapping", Message: fmt.Sprintf("args_mapping gave %d values for %d columns", len(r.Args), len(columns))}
	}
	for i := range columns {
		c := &columns[i]
		var v any
		switch {
		case i == b.table.Collect:
			unknown := b.unknown(r.Fields, fields)
			if unknown == nil {
				continue
			}
			v = unknown
		case r.Fields == nil:
			v = r.Args[i]
		default:
			var ok bool
			if v, ok = r.Fields[c.Field]; !ok {
				continue
			}
		}
		if c.Key >= 0 {
			b.keyAt[c.Key] = len(b.buf)
		}
		if b.buf, err = c.Value.Append(b.buf, v); err != nil {
			if err = b.appendRead(message, i, r, err); err != nil {
				return 0, err
			}
		}
		b.present[i/8] |= 1 << (i % 8)
		fields++
	}
	if s := b.table.Sequence; s >= 0 && b.present[s/8]&(1<<(s%8)) == 0 {
		return 0, pgerr.Rejection{Kind: "mapping", Message: fmt.Sprintf("the message has no field %q, which `sequence_by` names", columns[s].Field)}
	}
	if fields < len(r.Fields) && !b.table.IgnoreUnknown && b.table.Collect < 0 {
		if err := b.table.UnknownField(r.Fields); err != nil {
			return 0, err
		}
	}
	return fields, nil
}

// unknown returns the fields that no column takes, of which so many columns have taken theirs; nil when there are none.
func (b *Rows) unknown(fields map[string]any, taken int) map[string]any {
	if taken >= len(fields) {
		return nil
	}
	unknown := b.table.Unknown(fields)
	if unknown != nil {
		b.Collects = true
		b.Collected = append(b.Collected, b.table.NewlyCollected(unknown)...)
	}
	return unknown
}

// appendRead appends a field that the server has read, or notes that it is to
// read it. It returns err if that is not for the server.
func (b *Rows) appendRead(message, column int, r Values, err error) error {
	if field, found := r.Read[column]; found {
		b.buf = append(b.buf, field...)
		return nil
	}
	var value *pgvalue.ValueError
	if !b.table.HasPLpgSQL || !errors.As(err, &value) || value.Unread == "" {
		return err
	}
	b.Unread = append(b.Unread, Unread{message, column, value})
	return nil
}

// setIndex finds the.set of the columns that are present.
func (b *Rows) setIndex() int {
	for i := len(b.sets) - 1; i >= 0; i-- {
		if b.sets[i].Mask == string(b.present) {
			return i
		}
	}
	b.sets = append(b.sets, b.table.ColumnSet(string(b.present)))
	return len(b.sets) - 1
}

// addKey copies the key of the row just encoded into keys, so that the order of
// the bytes is that of the values where this is cheap to have: a text's end is
// marked by a zero, which no text contains, and the sign of a number is turned.
func (b *Rows) addKey() (from, to int) {
	from = len(b.keys)
	if len(b.keyAt) == 0 {
		return from, from
	}
	for i, at := range b.keyAt {
		if at < 0 {
			return from, b.dropKey(from)
		}
		length := int32(binary.BigEndian.Uint32(b.buf[at:]))
		if length < 0 {
			return from, b.dropKey(from)
		}
		value := b.buf[at+4 : at+4+int(length)]
		c := &b.table.Columns[b.table.Keys[i]]
		start := len(b.keys)
		b.keys = append(b.keys, value...)
		if c.KeySigned && len(value) > 0 {
			b.keys[start] ^= 0x80
		}
		if !c.KeyFixed {
			b.keys = append(b.keys, 0)
		}
	}
	return from, len(b.keys)
}

func (b *Rows) dropKey(from int) int {
	b.keys = b.keys[:from]
	return from
}
