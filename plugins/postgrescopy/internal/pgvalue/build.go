package pgvalue

import (
	"fmt"
)

// What the server can do from which server_version_num on.
const (
	firstWithInfiniteNumeric = 140000
	firstWithWideIntervals   = 150000 // amounts beyond an int32 in their text
)

// maxTypeDepth bounds how deep types are made of others.
const maxTypeDepth = 32

// Column gives the writer of a column with this type and modifier
// (pg_attribute's atttypid and atttypmod; -1 is no modifier). It fails for a
// type that Load was not asked for or that the catalogue does not have.
func (t *Types) Column(name string, oid uint32, typmod int32) (*Column, error) {
	info, ok := t.byOID[oid]
	if !ok {
		return nil, fmt.Errorf("column %q: the catalogue has no type with OID %d", name, oid)
	}
	c := &Column{Name: name, Type: formatType(info, typmod), OID: oid}
	if c.enc = t.encoder(oid, typmod, 0); c.enc == nil {
		c.Text, c.enc = true, t.fallback(oid, 0)
	}
	return c, nil
}

// encoder gives the binary encoder of a type, or nil when there is none.
func (t *Types) encoder(oid uint32, typmod int32, depth int) encoder {
	info, ok := t.byOID[oid]
	if !ok || depth > maxTypeDepth {
		return nil
	}
	switch {
	case info.kind == "d":
		return t.encoder(info.base, info.typmod, depth+1)
	case info.kind == "e":
		return &enumEncoder{labels: info.labels}
	case info.kind == "c":
		return t.recordEncoder(info, depth)
	case info.kind == "r":
		if r := t.rangeEncoder(info, depth); r != nil {
			return r
		}
		return nil
	case info.kind == "m":
		return t.multirangeEncoder(info, depth)
	case info.element != 0:
		return t.arrayEncoder(info, typmod, depth)
	case info.kind != "b":
		return nil
	case info.builtin && info.name == "numeric":
		e := newNumericEncoder(typmod)
		e.finite = t.version < firstWithInfiniteNumeric
		return e
	case info.builtin && info.name == "interval":
		return &intervalEncoder{
			fields: typmod >= 0 && typmod>>16&intervalFullRange != intervalFullRange,
			narrow: t.version < firstWithWideIntervals,
		}
	case info.builtin:
		return builtinEncoder(info.name, typmod)
	case info.name == "citext" && info.category == "S":
		return &textEncoder{}
	}
	return nil
}

func (t *Types) arrayEncoder(info *typeInfo, typmod int32, depth int) encoder {
	element := t.encoder(info.element, typmod, depth+1)
	if element == nil {
		return nil
	}
	e := &arrayEncoder{element: element, oid: info.element, delimiter: info.delimiter[0]}
	switch element.(type) {
	case *jsonEncoder, *recordEncoder, *multirangeEncoder, *arrayEncoder:
		e.flat = true // an item of these may be a list itself
	}
	return e
}

func (t *Types) recordEncoder(info *typeInfo, depth int) encoder {
	e := &recordEncoder{names: map[string]struct{}{}}
	for _, f := range info.fields {
		enc := t.encoder(f.OID, f.Typmod, depth+1)
		if enc == nil {
			return nil
		}
		e.fields = append(e.fields, recordField{name: f.Name, oid: f.OID, enc: enc})
		e.names[f.Name] = struct{}{}
	}
	return e
}

func (t *Types) rangeEncoder(info *typeInfo, depth int) *rangeEncoder {
	bound := t.encoder(info.subtype, -1, depth+1)
	if bound == nil {
		return nil
	}
	return &rangeEncoder{bound: bound}
}

func (t *Types) multirangeEncoder(info *typeInfo, depth int) encoder {
	member, ok := t.byOID[info.subtype]
	if !ok {
		return nil
	}
	r := t.rangeEncoder(member, depth+1)
	if r == nil {
		return nil
	}
	return &multirangeEncoder{member: r}
}

// builtinEncoder gives the encoder of a base type of pg_catalog by its name.
func builtinEncoder(name string, typmod int32) encoder {
	switch name {
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
	case "bool":
		return booleanEncoder{}
	case "text":
		return &textEncoder{}
	case "varchar", "bpchar":
		return &textEncoder{maxChars: max(0, int(typmod)-4)}
	case "name":
		return &textEncoder{maxBytes: 63}
	case "char":
		return charEncoder{}
	case "bytea":
		return byteaEncoder{}
	case "uuid":
		return uuidEncoder{}
	case "json":
		return &jsonEncoder{}
	case "jsonb":
		return &jsonEncoder{binary: true}
	case "bit":
		return &bitEncoder{exact: max(0, int(typmod))}
	case "varbit":
		return &bitEncoder{most: max(0, int(typmod))}
	case "inet":
		return &networkEncoder{}
	case "cidr":
		return &networkEncoder{cidr: true}
	case "macaddr":
		return &macEncoder{size: 6}
	case "macaddr8":
		return &macEncoder{size: 8}
	}
	return momentEncoder(name)
}

// momentEncoder is builtinEncoder for dates and times.
func momentEncoder(name string) encoder {
	switch name {
	case "timestamptz":
		return &timestampEncoder{zoned: true}
	case "timestamp":
		return &timestampEncoder{}
	case "date":
		return dateEncoder{}
	case "time":
		return &timeEncoder{}
	case "timetz":
		return &timeEncoder{zoned: true}
	}
	return nil
}

// fallback gives the writer of a type's text form.
func (t *Types) fallback(oid uint32, depth int) *fallbackEncoder {
	info, ok := t.byOID[oid]
	if !ok || depth > maxTypeDepth {
		return &fallbackEncoder{builtin: true}
	}
	if info.kind == "d" {
		return t.fallback(info.base, depth+1)
	}
	e := &fallbackEncoder{name: info.name, builtin: info.builtin, category: info.category}
	switch {
	case info.element != 0:
		e.element, e.delimiter = t.fallback(info.element, depth+1), info.delimiter[0]
	case info.kind == "c":
		e.names = map[string]struct{}{}
		for _, f := range info.fields {
			e.fields = append(e.fields, fallbackField{name: f.Name, enc: t.fallback(f.OID, depth+1)})
			e.names[f.Name] = struct{}{}
		}
	case info.kind != "b":
		e.builtin = true // an object is no JSON to a range or an enum
	}
	return e
}
