package pgvalue

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestATypeIsSpelledAsFormatTypeSpellsIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema + `create schema "Other"; create type "Other"."Odd" as enum ('a');`)
	for _, typ := range []string{
		"int2", "int4", "int8", "oid", "float4", "float8", "numeric", "numeric(12,2)", "numeric(5)", "numeric(2,-3)", "numeric(2,5)", "numeric(3,1)[]",
		"bool", "text", "varchar", "varchar(3)", "varchar(3)[]", "char", "char(4)", "char(4)[]", "bpchar", "name", `"char"`, "bytea", "uuid", "json", "jsonb",
		"date", "time", "time(0)", "timetz", "timetz(3)", "timestamp", "timestamp(3)", "timestamptz", "timestamptz(6)", "timestamptz(6)[]",
		"interval", "interval(3)", "interval year", "interval year to month", "interval day", "interval day to second", "interval day to second(2)", "interval hour to minute", "interval second(1)", "interval month", "interval minute to second", "interval[]",
		"bit", "bit(3)", "varbit", "varbit(5)", "varbit(5)[]", "inet", "cidr", "macaddr", "macaddr8",
		"mood", "price", "word", "pair", "pair[]", "citext", "hstore", "money", "xml", "int4range", "int4multirange", `"Other"."Odd"`, `"Other"."Odd"[]`, "int2vector", "box[]",
	} {
		if s.lacks(typ, "") {
			continue
		}
		column := s.table("spelled", typ)
		var want string
		row := s.conn.QueryRow(context.Background(), "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'spelled'::regclass and attnum = 1")
		require.NoError(t, row.Scan(&want))
		if typ == "bpchar" || typ == "int2vector" { // without a modifier these are spelled to be read back
			continue
		}
		require.Equal(t, want, column.Type)
	}
}

func TestOnlyTypesWithoutAnEncoderAreSentAsText(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	texts := map[string]bool{
		"xml": true, "money": true, "tsvector": true, "tsquery": true, "point": true, "box": true, "path": true, "box[]": true, "pg_lsn": true,
		"regclass": true, "int2vector": true, "hstore": true, "ltree": true, "place": true,
		"lsnrange": true, "lsnmultirange": true, "lsnrange[]": true, "spot": true, "spot[]": true,
		"oid": true, `"char"`: true, "macaddr": true, "macaddr8": true, "bit(3)": true, "bit(8)": true, "varbit": true, "varbit(5)": true,
		"interval": true, "interval(2)": true, "interval day to second": true, "interval year": true, "interval[]": true,
		"int4range": true, "int8range": true, "numrange": true, "daterange": true, "tsrange": true, "tstzrange": true, "textrange": true, "int4range[]": true,
		"int4multirange": true, "datemultirange": true,
	}
	for _, r := range readings {
		if s.lacks(r.typ, "") {
			continue
		}
		require.Equal(t, texts[r.typ], s.table("sent", r.typ).Text, r.typ)
	}
}

func TestAMissingTypeIsAnErrorOfItsColumn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	types, err := Load(context.Background(), s.conn, []uint32{23, 4_000_000_000, 0})
	require.NoError(t, err)
	_, err = types.Column("a", 23, -1)
	require.NoError(t, err)
	_, err = types.Column("b", 4_000_000_000, -1)
	require.EqualError(t, err, `column "b": the catalogue has no type with OID 4000000000`)
}

type brokenQuerier struct{}

func (brokenQuerier) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errors.New("no line")
}

func TestACatalogueThatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	_, err := Load(context.Background(), brokenQuerier{}, []uint32{23})
	require.EqualError(t, err, "reading type definitions: no line")
	_, err = Load(context.Background(), brokenQuerier{}, nil)
	require.NoError(t, err)
}

func TestTypesLoadInEveryModeOfQuerying(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	var oid uint32
	require.NoError(t, s.conn.QueryRow(context.Background(), "select 'price[]'::regtype::oid").Scan(&oid))
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		types, err := Load(context.Background(), inMode{s.conn, mode}, []uint32{oid})
		require.NoError(t, err, mode)
		column, err := types.Column("v", oid, -1)
		require.NoError(t, err)
		require.False(t, column.Text)
	}
}

type inMode struct {
	conn *pgx.Conn
	mode pgx.QueryExecMode
}

func (m inMode) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return m.conn.Query(ctx, sql, append([]any{m.mode}, args...)...)
}
