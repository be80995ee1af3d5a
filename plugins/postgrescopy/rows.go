package postgrescopy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// record is the values of one message, by name or by place.
type record struct {
	fields map[string]any // nil when args has them
	args   []any
	// err is why there are no values.
	err error
}

// batch holds rows in the binary form of COPY, all of one table.
type batch struct {
	target *target
	buf    []byte // the rows, one behind the other
	keys   []byte // their keys, in a form whose bytes sort as the values do
	rows   []row
	shapes []*shape // those that the rows have, in the order they came

	// Scratch that is kept with the rest.
	present []byte     // the columns that a row has, a bit each
	keyAt   []int      // where the key's fields are in buf
	order   []int      // of a plan
	items   []sortItem // of sorting
}

// row is one encoded row.
type row struct {
	message  int // its place in the batch of messages
	from, to int // in buf: the number of fields, and the fields
	shape    int // in shapes
	key      int // in keys
	keyEnd   int // equal to key when the row has no key, or NULL in it
}

// maxPooledBytes bounds what a pool keeps of a batch that was unusually large.
const maxPooledBytes = 16 << 20

var batchPool = sync.Pool{New: func() any { return new(batch) }}

// newBatch takes a batch from the pool. Give it back with release.
func newBatch(t *target) *batch {
	b := batchPool.Get().(*batch)
	b.target = t
	b.buf = slices.Grow(b.buf, int(t.usualBytes.Load()))
	b.present = slices.Grow(b.present[:0], (len(t.columns)+7)/8)[:(len(t.columns)+7)/8]
	b.keyAt = slices.Grow(b.keyAt[:0], len(t.keys))[:len(t.keys)]
	return b
}

func (b *batch) release() {
	b.target.usualBytes.Store(int64(min(len(b.buf)+len(b.buf)/8, maxPooledBytes)))
	if cap(b.buf) > maxPooledBytes {
		b.buf = nil
	}
	b.target = nil
	b.buf, b.keys, b.rows = b.buf[:0], b.keys[:0], b.rows[:0]
	clear(b.shapes)
	b.shapes = b.shapes[:0]
	batchPool.Put(b)
}

// add encodes the record of a message. On error the batch is as it was before.
func (b *batch) add(message int, r record) error {
	if r.err != nil {
		return r.err
	}
	clear(b.present)
	from := len(b.buf)
	fields, err := b.encode(r)
	if err != nil {
		b.buf = b.buf[:from]
		return err
	}
	binary.BigEndian.PutUint16(b.buf[from:], uint16(fields))
	next := row{message: message, from: from, to: len(b.buf), shape: b.shapeIndex()}
	next.key, next.keyEnd = b.addKey()
	b.rows = append(b.rows, next)
	return nil
}

// encode appends the row, with no number of fields yet, and says how many it
// has.
func (b *batch) encode(r record) (fields int, err error) {
	columns := b.target.columns
	b.buf = append(b.buf, 0, 0)
	for i := range b.keyAt {
		b.keyAt[i] = -1
	}
	if r.fields == nil && len(r.args) != len(columns) {
		return 0, rejection{"mapping", fmt.Sprintf("args_mapping gave %d values for %d columns", len(r.args), len(columns))}
	}
	for i := range columns {
		c := &columns[i]
		var v any
		if r.fields == nil {
			v = r.args[i]
		} else {
			var ok bool
			if v, ok = r.fields[c.field]; !ok {
				continue
			}
		}
		if c.key >= 0 {
			b.keyAt[c.key] = len(b.buf)
		}
		if b.buf, err = c.value.Append(b.buf, v); err != nil {
			return 0, err
		}
		b.present[i/8] |= 1 << (i % 8)
		fields++
	}
	if fields < len(r.fields) && !b.target.ignoreUnknown {
		if err := b.target.unknownField(r.fields); err != nil {
			return 0, err
		}
	}
	return fields, nil
}

// How many unknown fields are named, and how much of a name is shown.
const maxUnknown, maxName = 5, 63

// unknownField names a field of the row that no column takes, nil if all are
// taken or left to PostgreSQL.
func (t *target) unknownField(fields map[string]any) error {
	var unknown []string
	for name := range fields {
		taken := t.leftAlone[name] || slices.ContainsFunc(t.columns, func(c targetColumn) bool { return c.field == name })
		if !taken {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	unknown = unknown[:min(len(unknown), maxUnknown)]
	return rejection{"unknown_field", fmt.Sprintf("table %s has no column for the field %s: remove it in a mapping, add the column, or set `unknown_fields: ignore`",
		t.quoted, strings.Join(quoteAll(unknown), ", "))}
}

func quoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", cutAt(name, maxName))
	}
	return quoted
}

// shapeIndex finds the shape of the columns that are present.
func (b *batch) shapeIndex() int {
	for i := len(b.shapes) - 1; i >= 0; i-- {
		if b.shapes[i].mask == string(b.present) {
			return i
		}
	}
	b.shapes = append(b.shapes, b.target.shapeOf(string(b.present)))
	return len(b.shapes) - 1
}

// addKey copies the key of the row just encoded into keys, so that the order of
// the bytes is that of the values where this is cheap to have: a text's end is
// marked by a zero, which no text contains, and the sign of a number is turned.
func (b *batch) addKey() (from, to int) {
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
		c := &b.target.columns[b.target.keys[i]]
		start := len(b.keys)
		b.keys = append(b.keys, value...)
		if c.keySigned && len(value) > 0 {
			b.keys[start] ^= 0x80
		}
		if !c.keyFixed {
			b.keys = append(b.keys, 0)
		}
	}
	return from, len(b.keys)
}

func (b *batch) dropKey(from int) int {
	b.keys = b.keys[:from]
	return from
}
