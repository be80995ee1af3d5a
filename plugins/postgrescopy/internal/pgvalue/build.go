package pgvalue

import (
	"fmt"
)

// firstWithInfiniteNumeric is the server_version_num from which on numeric takes
// infinities.
const firstWithInfiniteNumeric = 140000

// maxTypeDepth bounds how deep types are made of others.
const maxTypeDepth = 32

// Column returns the writer of a column with this type and modifier
// (pg_attribute's atttypid and atttypmod; -1 is no modifier). It fails for a
// type that Load was not asked for or that the catalogue does not have.
func (t *Types) Column(name string, oid uint32, typmod int32) (*Column, error) {
	info, ok := t.byOID[oid]
	if !ok {
		return nil, fmt.Errorf("column %q: the catalogue has no type with OID %d", name, oid)
	}
	c := &Column{Name: name, Type: formatType(info, typmod), Cast: t.cast(info), OID: oid, text: t.textForm(oid, typmod, 0)}
	if c.enc = t.encoder(oid, typmod, 0); c.enc == nil {
		c.Text, c.enc = true, c.text
	}
	return c, nil
}

// cast returns the type to which a text of the column is cast. It has no
// modifier, since a cast cuts to a modifier what a column refuses.
func (t *Types) cast(info *typeInfo) string {
	for range maxTypeDepth {
		base, ok := t.byOID[info.base]
		if info.kind != "d" || !ok {
			break
		}
		info = base
	}
	return info.unmodified
}

// encoder returns the binary encoder of a type, or nil when there is none.
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
	case info.element != 0:
		return t.arrayEncoder(info, typmod, depth)
	case info.kind != "b":
		return nil
	case info.builtin && info.name == "numeric":
		e := newNumericEncoder(typmod)
		e.finite = t.version < firstWithInfiniteNumeric
		return e
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
	e := &arrayEncoder{element: element, oid: info.element}
	switch element.(type) {
	case *jsonEncoder, *recordEncoder, *arrayEncoder:
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

// builtinEncoder returns the encoder of a base type of pg_catalog by its name.
func builtinEncoder(name string, typmod int32) encoder {
	switch name {
	case "int2":
		return int2Encoder
	case "int4":
		return int4Encoder
	case "int8":
		return int8Encoder
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
	case "bytea":
		return byteaEncoder{}
	case "uuid":
		return uuidEncoder{}
	case "json":
		return &jsonEncoder{}
	case "jsonb":
		return &jsonEncoder{binary: true}
	case "inet":
		return &networkEncoder{}
	case "cidr":
		return &networkEncoder{cidr: true}
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

// textForm returns the writer of a type's text form.
func (t *Types) textForm(oid uint32, typmod int32, depth int) *textFormEncoder {
	info, ok := t.byOID[oid]
	if !ok || depth > maxTypeDepth {
		return &textFormEncoder{builtin: true}
	}
	if info.kind == "d" {
		return t.textForm(info.base, info.typmod, depth+1)
	}
	e := &textFormEncoder{name: info.name, builtin: info.builtin, category: info.category}
	e.restricted = e.interval() && typmod >= 0 && typmod>>16&intervalFullRange != intervalFullRange
	switch {
	case info.element != 0:
		e.element, e.delimiter = t.textForm(info.element, typmod, depth+1), info.delimiter[0]
	case info.kind == "c":
		e.names = map[string]struct{}{}
		for _, f := range info.fields {
			e.fields = append(e.fields, textFormField{name: f.Name, enc: t.textForm(f.OID, f.Typmod, depth+1)})
			e.names[f.Name] = struct{}{}
		}
	case info.kind != "b":
		e.builtin = true // an object is no JSON to a range or an enum
	}
	return e
}
