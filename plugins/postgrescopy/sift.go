package postgrescopy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// siftable says whether the table can be asked for the keys of these rows, and
// whether that is of use. It is not for an upsert: the rows that are there and
// those that are not would go into different statements, and so no longer lock in
// one order with those of other batches.
func (t *target) siftable(s *shape) bool {
	return t.mode == modeIgnore && t.siftStatement != "" && len(s.keyFields) == len(t.keys) && len(t.keys) > 0
}

// setSiftStatement writes the statement that asks which of the keys in $1, $2, …
// the table has: an array for each column of the key. The subquery of each key
// has a LIMIT so that it stays a look into the index, whatever the planner
// thinks of the number of keys.
func (t *target) setSiftStatement() {
	arrays, names, equal := make([]string, len(t.keys)), make([]string, len(t.keys)), make([]string, len(t.keys))
	for i, place := range t.keys {
		c := &t.columns[place]
		if c.arrayOID == 0 || c.castType != "" {
			return
		}
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, c.stageType)
		names[i] = fmt.Sprintf("k%d", i)
		equal[i] = fmt.Sprintf("t.%s = u.k%d", quoteName(c.name), i)
	}
	t.siftStatement = "SELECT u.o::int4 FROM unnest(" + strings.Join(arrays, ", ") + ") WITH ORDINALITY AS u(" + strings.Join(names, ", ") +
		", o), LATERAL (SELECT FROM " + t.quoted + " AS t WHERE " + strings.Join(equal, " AND ") + " LIMIT 1) AS found"
}

// sift gives the rows of a unit whose keys the table does not have, and how many
// the others are.
func (s *session) sift(ctx context.Context, u unit) (fresh []int, there int, err error) {
	t := u.batch.target
	values, oids, formats := make([][]byte, len(t.keys)), make([]uint32, len(t.keys)), make([]int16, len(t.keys))
	for i, place := range t.keys {
		c := &t.columns[place]
		values[i], oids[i], formats[i] = u.keyArray(u.shape.keyFields[i], c.elementOID), c.arrayOID, 1
	}
	if s.settings != "" { // which may have another role, say
		if err := s.exec(ctx, "BEGIN; "+s.settings); err != nil {
			return nil, 0, err
		}
		defer func() { err = errors.Join(err, s.rollback(ctx)) }()
	}
	found := s.conn.ExecParams(ctx, t.siftStatement, values, oids, formats, nil).Read()
	if found.Err != nil {
		return nil, 0, fmt.Errorf("asking %s for keys: %w", t.quoted, found.Err)
	}
	has := make([]bool, len(u.order)+1)
	for _, row := range found.Rows {
		n, err := strconv.Atoi(string(row[0]))
		if err != nil || n < 1 || n > len(u.order) {
			return nil, 0, fmt.Errorf("asking %s for keys: row number %q", t.quoted, row[0])
		}
		has[n] = true
	}
	for n, row := range u.order {
		if has[n+1] {
			there++
		} else {
			fresh = append(fresh, row)
		}
	}
	return fresh, there, nil
}

// keyArray is one field of all the unit's rows in the binary form of an array.
// The elements have the form that the fields of COPY have.
func (u unit) keyArray(field int, elementOID uint32) []byte {
	array := make([]byte, 0, 20+20*len(u.order))
	array = binary.BigEndian.AppendUint32(array, 1) // dimensions
	array = binary.BigEndian.AppendUint32(array, 1) // there may be NULLs
	array = binary.BigEndian.AppendUint32(array, elementOID)
	array = binary.BigEndian.AppendUint32(array, uint32(len(u.order)))
	array = binary.BigEndian.AppendUint32(array, 1) // the first index
	for _, i := range u.order {
		array = append(array, u.batch.field(i, field)...)
	}
	return array
}

// field is a field of a row, with its length in front.
func (b *batch) field(row, field int) []byte {
	at := b.rows[row].from + 2
	for {
		length := max(int(int32(binary.BigEndian.Uint32(b.buf[at:]))), 0)
		if field == 0 {
			return b.buf[at : at+4+length]
		}
		at += 4 + length
		field--
	}
}
