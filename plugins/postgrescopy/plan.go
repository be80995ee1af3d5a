package postgrescopy

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// unit is rows of one shape that are written by one statement.
type unit struct {
	batch *batch
	shape *shape
	order []int // places in batch.rows, in the order in which they are sent
	// repeats: rows of other units of the batch have the same keys.
	repeats bool
}

// plan puts the rows of a batch, but those that skip names, into units.
//
// Rows are sent in the order of their keys, so that transactions lock in one
// order and the index is entered in one sweep. Of rows with one key only one is
// sent, the last for an upsert and the first for an ignore, as if they had come
// one by one; how many were left out is the second result. In an upsert a row
// cannot replace one of another shape, so these go into units that follow one
// another. Where equal keys may have different bytes the server sorts.
//
// With every set, no row is left out: each is to be judged.
func (b *batch) plan(skip func(message int) bool, every bool) (units []unit, leftOut int) {
	order := b.order[:0]
	for i := range b.rows {
		if skip == nil || !skip(b.rows[i].message) {
			order = append(order, i)
		}
	}
	b.order = order
	if len(b.target.keys) == 0 {
		return b.split(order, nil), 0
	}
	if b.target.mode == modeAppend {
		b.sortByKey(order)
		return b.split(order, nil), 0
	}
	if !b.target.exactKey {
		if len(b.shapes) > 1 {
			return b.runs(order), 0
		}
		return b.split(order, nil), 0
	}
	b.sortByKey(order)
	if !every {
		order, leftOut = b.dropRepeated(order)
	}
	return b.split(order, b.rounds(order)), leftOut
}

// sortItem is a row with the beginning of its key.
type sortItem struct {
	prefix uint64
	row    int
}

// sortByKey sorts rows by key, those without one to the front, and else as they
// came.
func (b *batch) sortByKey(order []int) {
	compare := func(i, j int) int {
		r, s := &b.rows[i], &b.rows[j]
		return bytes.Compare(b.keys[r.key:r.keyEnd], b.keys[s.key:s.keyEnd])
	}
	b.items = slices.Grow(b.items[:0], len(order))[:len(order)]
	items := b.items
	sorted := true
	for n, i := range order {
		items[n] = sortItem{b.keyPrefix(i), i}
		if n > 0 && sorted {
			sorted = items[n-1].prefix <= items[n].prefix && (items[n-1].prefix < items[n].prefix || compare(items[n-1].row, i) <= 0)
		}
	}
	if sorted {
		return
	}
	slices.SortFunc(items, func(x, y sortItem) int {
		switch {
		case x.prefix < y.prefix:
			return -1
		case x.prefix > y.prefix:
			return 1
		}
		return cmp.Or(compare(x.row, y.row), cmp.Compare(x.row, y.row))
	})
	for n := range items {
		order[n] = items[n].row
	}
}

// keyPrefix is the first eight bytes of a row's key as a number that sorts like
// them.
func (b *batch) keyPrefix(i int) uint64 {
	key := b.keys[b.rows[i].key:b.rows[i].keyEnd]
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var padded [8]byte
	copy(padded[:], key)
	return binary.BigEndian.Uint64(padded[:])
}

// sameKey says whether two rows have the same key. Rows without one never do.
func (b *batch) sameKey(i, j int) bool {
	r, s := &b.rows[i], &b.rows[j]
	return r.key < r.keyEnd && s.key < s.keyEnd && bytes.Equal(b.keys[r.key:r.keyEnd], b.keys[s.key:s.keyEnd])
}

// dropRepeated leaves out rows that a later one replaces (upsert) or that come
// after the first (ignore), from rows sorted by key.
func (b *batch) dropRepeated(order []int) (kept []int, dropped int) {
	kept = order[:0]
	for _, i := range order {
		if len(kept) > 0 {
			last := kept[len(kept)-1]
			if b.sameKey(last, i) {
				if b.target.mode == modeIgnore {
					dropped++
					continue
				}
				if b.rows[last].shape == b.rows[i].shape {
					kept[len(kept)-1] = i
					dropped++
					continue
				}
			}
		}
		kept = append(kept, i)
	}
	return kept, dropped
}

// rounds numbers the rows of one key in a batch of several shapes: a row whose
// shape differs from that of the row before it has to wait for the next round.
// It is nil when one round is enough.
func (b *batch) rounds(order []int) []int {
	if len(b.shapes) < 2 {
		return nil
	}
	var rounds []int
	for n := 1; n < len(order); n++ {
		last, i := order[n-1], order[n]
		if !b.sameKey(last, i) {
			continue
		}
		if rounds == nil {
			rounds = make([]int, len(order))
		}
		rounds[n] = rounds[n-1]
		if b.rows[last].shape != b.rows[i].shape {
			rounds[n]++
		}
	}
	return rounds
}

// runs makes a unit of each run of rows of one shape, as they came. This is for
// keys of which it cannot be told here whether they are equal.
func (b *batch) runs(order []int) []unit {
	var units []unit
	for n, i := range order {
		if n == 0 || b.rows[i].shape != b.rows[order[n-1]].shape {
			units = append(units, unit{batch: b, shape: b.shapes[b.rows[i].shape]})
		}
		last := &units[len(units)-1]
		last.order = append(last.order, i)
	}
	return units
}

// split makes a unit of the rows of each round and shape.
func (b *batch) split(order []int, rounds []int) []unit {
	if len(order) == 0 {
		return nil
	}
	if len(b.shapes) == 1 {
		return []unit{{batch: b, shape: b.shapes[0], order: order}}
	}
	type class struct{ round, shape int }
	byClass := map[class][]int{}
	var classes []class
	for n, i := range order {
		c := class{shape: b.rows[i].shape}
		if rounds != nil {
			c.round = rounds[n]
		}
		if byClass[c] == nil {
			classes = append(classes, c)
		}
		byClass[c] = append(byClass[c], i)
	}
	slices.SortFunc(classes, func(x, y class) int {
		return cmp.Or(cmp.Compare(x.round, y.round), cmp.Compare(x.shape, y.shape))
	})
	units := make([]unit, len(classes))
	for n, c := range classes {
		units[n] = unit{b, b.shapes[c.shape], byClass[c], rounds != nil}
	}
	return units
}
