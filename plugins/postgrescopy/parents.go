package postgrescopy

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// reference is a foreign key by which rows of a table refer to other rows of it:
// the columns that refer, and those that are referred to.
type reference struct{ from, to []string }

const referencesQuery = `
SELECT f.conkey, f.confkey FROM pg_catalog.pg_constraint f
WHERE f.contype = 'f' AND f.conrelid = $1::oid AND f.confrelid = $1::oid`

// readReferences is to come when the key is chosen.
func (t *target) readReferences(ctx context.Context, q pgx.Tx, all []catalogueColumn) error {
	if !t.selfRefers {
		return nil
	}
	rows, err := q.Query(ctx, referencesQuery, t.oid)
	if err != nil {
		return fmt.Errorf("reading the foreign keys of %s: %w", t.quoted, err)
	}
	var from, to []int16
	_, err = pgx.ForEachRow(rows, []any{&from, &to}, func() error {
		r := reference{namesOf(from, all), namesOf(to, all)}
		// Rows of one key must stay in their order, unless each is stored.
		if t.mode == modeAppend || (t.exactKey && slices.Equal(r.to, t.keyNames)) {
			t.references = append(t.references, r)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the foreign keys of %s: %w", t.quoted, err)
	}
	return nil
}

// namesOf gives the names of the columns with these numbers.
func namesOf(numbers []int16, all []catalogueColumn) []string {
	names := make([]string, len(numbers))
	for i, number := range numbers {
		at := slices.IndexFunc(all, func(c catalogueColumn) bool { return c.number == number })
		if at >= 0 {
			names[i] = all[at].name
		}
	}
	return names
}

// parentsFirst puts rows behind those among them that they refer to, as far as
// the bytes of their fields tell, and leaves them in their order otherwise: so
// each of a chain is tried when the one before it is there, whatever order they
// came in.
func (u judged) parentsFirst(rows []int) []int {
	var parents []map[int]int // of each row that has one, by reference
	for _, r := range u.part.target.references {
		parents = append(parents, u.parents(rows, r))
	}
	ordered := make([]int, 0, len(rows))
	placed := make(map[int]bool, len(rows))
	var place func(n int)
	place = func(n int) {
		if placed[n] {
			return
		}
		placed[n] = true // before its parents are, since there may be circles
		for _, of := range parents {
			if parent, ok := of[n]; ok {
				place(parent)
			}
		}
		ordered = append(ordered, n)
	}
	for _, n := range rows {
		place(n)
	}
	return ordered
}

// parents finds, for rows of the unit, the first of them that each refers to.
func (u judged) parents(rows []int, r reference) map[int]int {
	from, to := u.fieldsOf(r.from), u.fieldsOf(r.to)
	if from == nil || to == nil {
		return nil
	}
	byKey := make(map[string]int, len(rows))
	for _, n := range rows {
		key := u.key(n, to)
		if _, ok := byKey[key]; key != "" && !ok {
			byKey[key] = n
		}
	}
	found := make(map[int]int, len(rows))
	for _, n := range rows {
		if parent, ok := byKey[u.key(n, from)]; ok {
			found[n] = parent
		}
	}
	return found
}

// fieldsOf gives the places of columns in rows of the unit, nil when the rows do
// not have them all.
func (u judged) fieldsOf(names []string) []int {
	fields := make([]int, len(names))
	for i, name := range names {
		fields[i] = slices.IndexFunc(u.shape.columns, func(c shapeColumn) bool { return c.name == name })
		if fields[i] < 0 {
			return nil
		}
	}
	return fields
}

// key puts fields of a row together, so that equal ones are equal; empty when one
// of them is NULL.
func (u judged) key(n int, fields []int) string {
	var key []byte
	for _, field := range fields {
		value := u.batch.field(u.order[n-u.first], field)
		if int32(binary.BigEndian.Uint32(value)) < 0 {
			return ""
		}
		key = append(key, widened(value, u.shape.columns[field].oid)...)
	}
	return string(key)
}

// widened gives an integer the form of a bigint, since those of one type may refer
// to those of another. field has its length in front.
func widened(field []byte, oid uint32) []byte {
	var n int64
	switch value := field[4:]; {
	case oid == pgtype.Int2OID && len(value) == 2:
		n = int64(int16(binary.BigEndian.Uint16(value)))
	case oid == pgtype.Int4OID && len(value) == 4:
		n = int64(int32(binary.BigEndian.Uint32(value)))
	default:
		return field
	}
	return binary.BigEndian.AppendUint64([]byte{0, 0, 0, 8}, uint64(n))
}
