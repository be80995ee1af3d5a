package copyrows

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// Group is rows of one column set that are written by one statement.
type Group struct {
	Rows  *Rows
	Set   *table.ColumnSet
	Order []int // places in Rows, in the order in which they are sent
	// Repeats: rows of other groups have the same keys.
	Repeats bool
}

// Groups puts the rows, but those whose messages skip names, into groups.
//
// Rows are sent in the order of their keys, so that transactions lock in one
// order and the index is entered in one sweep. Of rows with one key only one is
// sent, the last for an upsert and the first for an ignore, as if they had come
// one by one; how many were left out is the second result. In an upsert a row
// cannot replace one of another set, so these go into groups that follow one
// another. Where equal keys may have different bytes the server sorts.
//
// With every, no row is left out.
func (b *Rows) Groups(skip func(message int) bool, every bool) (groups []Group, leftOut int) {
	order := b.order[:0]
	for i := range b.rows {
		if skip == nil || !skip(b.rows[i].message) {
			order = append(order, i)
		}
	}
	b.order = order
	if len(b.table.Keys) == 0 {
		return b.split(order, nil), 0
	}
	if b.table.Mode == table.Append {
		b.sortByKey(order)
		return b.split(order, nil), 0
	}
	if b.table.ExactKey {
		b.sortByKey(order)
		if !every {
			order, leftOut = b.dropRepeated(order)
		}
		if !b.table.KeyMayChange {
			return b.split(order, b.rounds(order)), leftOut
		}
		slices.Sort(order) // the keys that a trigger makes may be equal
	}
	if len(b.sets) > 1 {
		return b.runs(order), leftOut
	}
	return b.split(order, nil), leftOut
}

// sortItem is a row with the beginning of its key.
type sortItem struct {
	prefix uint64
	row    int
}

// sortByKey sorts rows by key, those without one to the front, and else as they
// came.
func (b *Rows) sortByKey(order []int) {
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
func (b *Rows) keyPrefix(i int) uint64 {
	key := b.keys[b.rows[i].key:b.rows[i].keyEnd]
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var padded [8]byte
	copy(padded[:], key)
	return binary.BigEndian.Uint64(padded[:])
}

// sameKey reports whether two rows have the same key. Rows without one never do.
func (b *Rows) sameKey(i, j int) bool {
	r, s := &b.rows[i], &b.rows[j]
	return r.key < r.keyEnd && s.key < s.keyEnd && bytes.Equal(b.keys[r.key:r.keyEnd], b.keys[s.key:s.keyEnd])
}

// dropRepeated leaves out rows that a later one replaces (upsert) or that come
// after the first (ignore), from rows sorted by key.
func (b *Rows) dropRepeated(order []int) (kept []int, dropped int) {
	kept = order[:0]
	for _, i := range order {
		if len(kept) > 0 {
			last := kept[len(kept)-1]
			if b.sameKey(last, i) {
				if b.table.Mode == table.Ignore {
					dropped++
					continue
				}
				if b.rows[last].set == b.rows[i].set {
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

// rounds numbers the rows of one key in a batch of several sets: a row whose
// .set differs from that of the row before it has to wait for the next round.
// It is nil when one round is enough.
func (b *Rows) rounds(order []int) []int {
	if len(b.sets) < 2 {
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
		if b.rows[last].set != b.rows[i].set {
			rounds[n]++
		}
	}
	return rounds
}

// runs makes a group of each run of rows of one set, as they came. This is for
// keys that only the server can compare.
func (b *Rows) runs(order []int) []Group {
	var groups []Group
	for n, i := range order {
		if n == 0 || b.rows[i].set != b.rows[order[n-1]].set {
			groups = append(groups, Group{Rows: b, Set: b.sets[b.rows[i].set]})
		}
		last := &groups[len(groups)-1]
		last.Order = append(last.Order, i)
	}
	return groups
}

// split makes a group of the rows of each round and set.
func (b *Rows) split(order []int, rounds []int) []Group {
	if len(order) == 0 {
		return nil
	}
	if len(b.sets) == 1 {
		return []Group{{Rows: b, Set: b.sets[0], Order: order}}
	}
	type class struct{ round, set int }
	byClass := map[class][]int{}
	var classes []class
	for n, i := range order {
		c := class{set: b.rows[i].set}
		if rounds != nil {
			c.round = rounds[n]
		}
		if byClass[c] == nil {
			classes = append(classes, c)
		}
		byClass[c] = append(byClass[c], i)
	}
	slices.SortFunc(classes, func(x, y class) int {
		return cmp.Or(cmp.Compare(x.round, y.round), cmp.Compare(x.set, y.set))
	})
	groups := make([]Group, len(classes))
	for n, c := range classes {
		groups[n] = Group{b, b.sets[c.set], byClass[c], rounds != nil}
	}
	return groups
}

// Size returns how many bytes of rows the group sends.
func (g Group) Size() int {
	n := 0
	for _, i := range g.Order {
		n += g.Rows.rows[i].to - g.Rows.rows[i].from
	}
	return n
}

// UniqueKeys reports whether no two rows of the group have the same key, as far as
// their bytes show.
func (g Group) UniqueKeys() bool {
	for n := 1; n < len(g.Order); n++ {
		if g.Rows.sameKey(g.Order[n-1], g.Order[n]) {
			return false
		}
	}
	return g.Rows.table.ExactKey && !g.Rows.table.KeyMayChange
}
