package pgvalue

import (
	"fmt"
)

// Column gives the writer of a column with this type and modifier
// (pg_attribute's atttypid and atttypmod; -1 is no modifier). It fails for a
// type that Load was not asked for or that the catalogue does not have.
func (t *Types) Column(name string, oid uint32, typmod int32) (*Column, error) {
	info, ok := t.byOID[oid]
	if !ok {
		return nil, fmt.Errorf("column %q: the type with OID %d is not in the catalogue", name, oid)
	}
	enc := t.encoder(info, typmod)
	c := &Column{Name: name, Type: formatType(info, typmod), OID: oid, enc: enc}
	if enc == nil {
		c.Text, c.enc = true, &fallbackEncoder{}
	}
	return c, nil
}

// encoder gives the binary encoder of a type, or nil when there is none.
func (t *Types) encoder(info *typeInfo, typmod int32) encoder {
	if !info.builtin {
		if info.name == "citext" {
			return &textEncoder{}
		}
		return nil
	}
	switch info.name {
	case "int2":
		return int2Encoder
	case "int4":
		return int4Encoder
	case "int8":
		return int8Encoder
	case "oid":
		return oidEncoder
	case "float4":
		return &floatEncoder{bits: 32}
	case "float8":
		return &floatEncoder{bits: 64}
	case "numeric":
		return newNumericEncoder(typmod)
	case "bool":
		return booleanEncoder{}
	case "text":
		return &textEncoder{}
	case "varchar", "bpchar":
		return &textEncoder{maxChars: max(0, int(typmod)-4)}
	case "name":
		return &textEncoder{maxBytes: 63}
	case "uuid":
		return uuidEncoder{}
	case "timestamptz":
		return &timestampEncoder{zoned: true}
	case "timestamp":
		return &timestampEncoder{}
	case "date":
		return dateEncoder{}
	case "json":
		return &jsonEncoder{}
	case "jsonb":
		return &jsonEncoder{binary: true}
	}
	return nil
}

// formatType spells a type as format_type does, for the modifiers known here.
func formatType(info *typeInfo, typmod int32) string {
	if !info.builtin || typmod < 0 {
		return info.formatted
	}
	switch info.name {
	case "varchar", "bpchar":
		return fmt.Sprintf("%s(%d)", info.formatted, typmod-4)
	case "numeric":
		e := newNumericEncoder(typmod)
		return fmt.Sprintf("numeric(%d,%d)", e.precision, e.scale)
	case "timestamp":
		return fmt.Sprintf("timestamp(%d) without time zone", typmod)
	case "timestamptz":
		return fmt.Sprintf("timestamp(%d) with time zone", typmod)
	}
	return info.formatted
}
