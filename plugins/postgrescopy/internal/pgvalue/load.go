package pgvalue

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Querier is what Load asks: a pgx connection, pool or transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Types holds the definitions of types as the catalogue had them.
type Types struct {
	byOID   map[uint32]*typeInfo
	version int // of the server, as server_version_num: 150018 is 15.18
}

// typeInfo is a row of pg_type with what belongs to it.
type typeInfo struct {
	oid       uint32
	name      string // typname
	builtin   bool   // it lives in pg_catalog
	formatted string // as format_type spells it, without a modifier
	// unmodified is the same, spelled so that it means no modifier in a cast.
	unmodified string
	kind       string // typtype: b, c, d, e, m, p or r
	category   string // typcategory
	delimiter  string // typdelim, of an array its element's
	element    uint32 // of an array
	base       uint32 // of a domain
	typmod     int32  // of a domain's base
	labels     map[string]struct{}
	fields     []fieldInfo
}

// fieldInfo is a column of a composite type.
type fieldInfo struct {
	Name   string
	OID    uint32
	Typmod int32
}

const typesQuery = `
select t.oid, t.typname::text, n.nspname = 'pg_catalog', pg_catalog.format_type(t.oid, null), pg_catalog.format_type(t.oid, -1),
  t.typtype::text, t.typcategory::text, coalesce(el.typdelim, t.typdelim)::text,
  coalesce(el.oid, 0),
  t.typbasetype, t.typtypmod,
  (select pg_catalog.array_agg(e.enumlabel::text) from pg_catalog.pg_enum e where e.enumtypid = t.oid),
  (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('Name', a.attname, 'OID', a.atttypid::int8, 'Typmod', a.atttypmod) order by a.attnum)
   from pg_catalog.pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped),
  pg_catalog.current_setting('server_version_num')::int4
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_type el on el.oid = t.typelem and el.typarray = t.oid
where t.oid = any($1::oid[])`

// Load reads the definitions of these types (and of what they are made of:
// elements, base types, enum labels, fields) from the catalogue. An OID
// that the catalogue does not know is left out; [Types.Column] says so.
func Load(ctx context.Context, q Querier, oids []uint32) (*Types, error) {
	t := &Types{byOID: map[uint32]*typeInfo{}}
	asked := map[uint32]bool{0: true}
	for len(oids) > 0 {
		var ask []uint32
		for _, oid := range oids {
			if !asked[oid] {
				asked[oid] = true
				ask = append(ask, oid)
			}
		}
		if len(ask) == 0 {
			break
		}
		infos, err := t.load(ctx, q, ask)
		if err != nil {
			return nil, fmt.Errorf("reading type definitions: %w", err)
		}
		oids = nil
		for _, info := range infos {
			t.byOID[info.oid] = info
			oids = append(oids, info.element, info.base)
			for _, field := range info.fields {
				oids = append(oids, field.OID)
			}
		}
	}
	return t, nil
}

func (t *Types) load(ctx context.Context, q Querier, oids []uint32) ([]*typeInfo, error) {
	rows, err := q.Query(ctx, typesQuery, oids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*typeInfo, error) {
		var labels []string
		info := &typeInfo{}
		err := row.Scan(&info.oid, &info.name, &info.builtin, &info.formatted, &info.unmodified, &info.kind, &info.category,
			&info.delimiter, &info.element, &info.base, &info.typmod, &labels, &info.fields, &t.version)
		if err != nil {
			return nil, err
		}
		if info.kind == "e" {
			info.labels = make(map[string]struct{}, len(labels))
			for _, label := range labels {
				info.labels[label] = struct{}{}
			}
		}
		return info, nil
	})
}
