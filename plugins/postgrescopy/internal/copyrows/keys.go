package copyrows

import "encoding/binary"

// KeyArray returns one field of all the rows in the binary form of an array.
// The elements have the form that the fields of COPY have.
func (g Group) KeyArray(field int, elementOID uint32) []byte {
	array := make([]byte, 0, 20+20*len(g.Order))
	array = binary.BigEndian.AppendUint32(array, 1) // dimensions
	array = binary.BigEndian.AppendUint32(array, 1) // there may be NULLs
	array = binary.BigEndian.AppendUint32(array, elementOID)
	array = binary.BigEndian.AppendUint32(array, uint32(len(g.Order)))
	array = binary.BigEndian.AppendUint32(array, 1) // the first index
	for _, i := range g.Order {
		array = append(array, g.Rows.field(i, field)...)
	}
	return array
}

// Params returns the fields of so many of the group's rows, one behind the other, as
// the values of parameters: nil is NULL.
func (g Group) Params(order []int) [][]byte {
	params := make([][]byte, 0, len(order)*g.Set.Fields)
	for _, row := range order {
		at := g.Rows.rows[row].from + 2
		for range g.Set.Fields {
			length := int(int32(binary.BigEndian.Uint32(g.Rows.buf[at:])))
			at += 4
			if length < 0 {
				params = append(params, nil)
				continue
			}
			params = append(params, g.Rows.buf[at:at+length:at+length])
			at += length
		}
	}
	return params
}

// field is a field of a row, with its length in front.
func (b *Rows) field(row, field int) []byte {
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
