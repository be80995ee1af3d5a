package table

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// ColumnSet is a set of columns that rows have, with the statements that write such
// rows. A column that a row lacks takes its default, which is not the same as
// NULL, so rows of different sets need statements of their own.
//
// Rows reach the table in one of two ways: directly, by COPY into the table; or
// staged, by COPY into a temporary table and an INSERT … SELECT from it, which
// is what ON CONFLICT, views, row-level security and types without a binary
// form ask for. The staging table is made in the transaction that uses it, and
// its name tells its columns, so that it works whichever of a pooler's
// connections the transaction gets, and after the table was altered. It has all
// of the table's columns and serves all of its sets: thousands of tables would
// be more than a transaction can lock. It never changes.
type ColumnSet struct {
	Mask      string // a bit for each of the table's columns
	Fields    int
	Columns   []pgerr.Column // those that rows have, in their order
	KeyFields []int          // the fields of the key, in the order of the key, as far as rows have them

	// StagedOnly: COPY into the table itself is not possible.
	StagedOnly bool
	// Numbered: the staged rows carry their number, since Insert needs it.
	Numbered bool

	// CopyDirect writes rows into the table, and Guard behind it fails when COPY
	// took the bytes for other types.
	CopyDirect, Guard string
	// StageName is the staging table, which MakeStage makes. CopyStage, or
	// CopyNumbered with the rows' numbers in front, fills it, and Insert writes all
	// of its rows into the table.
	StageName, MakeStage, CopyStage, CopyNumbered, Insert string
	// MakeIndexed makes, and CopyIndexed fills, IndexedName, a staging table that is indexed by
	// the rows' numbers; InsertWhere writes those into the table for which a
	// condition on o, the number, holds.
	IndexedName, MakeIndexed, CopyIndexed string
	InsertWhere                           func(condition string) string

	// TypeOIDs are the types of the fields as parameters of InsertValues.
	TypeOIDs []uint32

	aliases    []string // of Columns, in the staging table
	into       string
	casts      []string // of the fields as parameters
	onConflict string
}

// Unalias returns the table's column for one of the staging table.
func (s *ColumnSet) Unalias(alias string) string {
	if i := slices.Index(s.aliases, alias); i >= 0 {
		return s.Columns[i].Name
	}
	return ""
}

// maxColumnSets bounds how many sets a Table remembers. Messages that each have
// another set of fields still work; their statements are then written anew.
const maxColumnSets = 256

// ColumnSet returns the set for a mask.
func (t *Table) ColumnSet(mask string) *ColumnSet {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.columnSets[mask]; ok {
		return s
	}
	if len(t.columnSets) >= maxColumnSets {
		clear(t.columnSets)
	}
	s := t.newColumnSet(mask)
	t.columnSets[mask] = s
	return s
}

// statementParts are the pieces that the statements are put together from.
type statementParts struct {
	names       []string // of the table's columns
	aliases     []string // of the staging table's: c1, c2, …
	values      []string // the same, cast to the column's type where needed
	keyValues   []string // those of the key
	definitions []string // of all columns of the staging table, with their types
	types       string   // the numbers of the types
}

func (t *Table) newColumnSet(mask string) *ColumnSet {
	s := &ColumnSet{Mask: mask, StagedOnly: t.insertOnly}
	var p statementParts
	for i := range t.Columns {
		c := &t.Columns[i]
		alias := fmt.Sprintf("c%d", i+1)
		p.definitions = append(p.definitions, alias+" "+c.stageType)
		p.types += fmt.Sprintf(" %d", c.ElementOID)
		if mask[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		value := alias
		if c.castType != "" {
			value += "::" + c.castType
			s.StagedOnly = true
		}
		cast, oid := "", c.ElementOID
		if c.castType != "" {
			cast, oid = "::"+c.castType, pgtype.TextOID
		}
		s.casts, s.TypeOIDs = append(s.casts, cast), append(s.TypeOIDs, oid)
		p.names = append(p.names, c.Name)
		p.aliases = append(p.aliases, alias)
		p.values = append(p.values, value)
		s.Columns = append(s.Columns, pgerr.Column{Name: c.Name, Type: c.Value.Type, CastType: c.castType, Domain: c.domain})
		if c.Key >= 0 {
			if c.keyCast != "" {
				value = alias + "::" + c.keyCast
			}
			p.keyValues = append(p.keyValues, value+c.collate)
		}
	}
	s.Fields, s.aliases = len(p.names), p.aliases
	for _, i := range t.Keys {
		if field := slices.Index(p.names, t.Columns[i].Name); field >= 0 {
			s.KeyFields = append(s.KeyFields, field)
		}
	}
	s.writeStatements(t, p)
	return s
}

func (s *ColumnSet) writeStatements(t *Table, p statementParts) {
	hash := sha256.Sum256([]byte(strings.Join(p.definitions, ",") + p.types))
	name := "postgres_copy_" + hex.EncodeToString(hash[:8])
	s.StageName, s.IndexedName = "pg_temp."+name, "pg_temp."+name+"_indexed"
	numbered := append([]string{"o"}, p.aliases...)
	definitions := strings.Join(append([]string{""}, p.definitions...), ", ")

	s.Guard = t.guardStatement(s.Mask)
	s.CopyDirect = "COPY " + t.Quoted + " (" + sqltext.QuoteList(p.names) + ") FROM STDIN (FORMAT binary)"
	s.MakeStage = "CREATE TEMPORARY TABLE IF NOT EXISTS " + name + " (o int4" + definitions + ") ON COMMIT DELETE ROWS"
	s.MakeIndexed = "CREATE TEMPORARY TABLE IF NOT EXISTS " + name + "_indexed (o int4 PRIMARY KEY" + definitions + ") ON COMMIT DELETE ROWS"
	s.CopyStage = copyInto(s.StageName, p.aliases)
	s.CopyNumbered = copyInto(s.StageName, numbered)
	s.CopyIndexed = copyInto(s.IndexedName, numbered)

	into := t.insertInto(p.names)
	onConflict := t.onConflict(p.names)
	s.into, s.onConflict = into, onConflict
	distinct, order := t.byKey(p)
	s.Numbered = order != "" || len(p.names) == 0
	if len(p.names) == 0 {
		s.StagedOnly = true // COPY cannot write rows of no columns
	}
	s.Insert = into + "SELECT " + distinct + strings.Join(p.values, ", ") + " FROM " + s.StageName + order + onConflict
	s.InsertWhere = func(condition string) string {
		return into + "SELECT " + strings.Join(p.values, ", ") + " FROM " + s.IndexedName +
			" WHERE " + condition + " ORDER BY o" + onConflict
	}
}

// InsertValues returns an INSERT of so many rows, whose fields are its parameters. Rows
// without fields go one by one.
func (s *ColumnSet) InsertValues(rows int) string {
	if s.Fields == 0 {
		return s.into + "DEFAULT VALUES" + s.onConflict
	}
	b := []byte(s.into + "VALUES ")
	for i := range rows * s.Fields {
		switch {
		case i == 0:
			b = append(b, '(')
		case i%s.Fields == 0:
			b = append(b, "), ("...)
		default:
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(append(b, '$'), int64(i+1), 10)
		b = append(b, s.casts[i%s.Fields]...)
	}
	return string(b) + ")" + s.onConflict
}

// InsertNone returns an INSERT of no rows, which fails for what is not a row's fault.
func (s *ColumnSet) InsertNone() string {
	return s.into + "SELECT " + strings.TrimPrefix(strings.Repeat(", NULL", s.Fields), ", ") + " WHERE false" + s.onConflict
}

// guardStatement fails, and with it the transaction, when a column of the rows
// has another type than the rows were encoded for: a bigint's eight bytes would
// make a timestamp too. So it does when another table has the name by now, and
// when the unique index is gone that an ignore or upsert rests on: nothing else
// would keep duplicates out. It comes behind the COPY, which keeps the table from
// being altered until the end of the transaction. An INSERT needs no guard,
// since it looks at all that itself.
func (t *Table) guardStatement(mask string) string {
	var pairs []string
	for i := range t.Columns {
		if mask[i/8]&(1<<(i%8)) != 0 {
			c := &t.Columns[i]
			pairs = append(pairs, fmt.Sprintf("(%s,%d)", sqltext.Literal(c.Name), c.Value.OID))
		}
	}
	key := ""
	if t.Mode != Append {
		key = fmt.Sprintf(" AND EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = %d AND indisvalid)", t.keyIndex)
	}
	return fmt.Sprintf("SELECT CASE WHEN pg_catalog.count(*) = %d THEN 0 ELSE ('%s'||pg_catalog.count(*))::int4 END"+
		" FROM pg_catalog.pg_attribute WHERE attrelid = %d AND attrelid = pg_catalog.to_regclass(%s) AND NOT attisdropped AND (attname,atttypid) IN (%s)%s",
		len(pairs), alteredMark, t.OID, sqltext.Literal(t.Quoted), strings.Join(pairs, ","), key)
}

// alteredMark begins what a guard fails on, as people will find it in the
// server's log.
const alteredMark = "postgres_copy: the table was altered meanwhile, so the batch is sent again: columns left as they were: "

func copyInto(table string, columns []string) string {
	return "COPY " + table + " (" + strings.Join(columns, ", ") + ") FROM STDIN (FORMAT binary)"
}

func (t *Table) insertInto(names []string) string {
	into := "INSERT INTO " + t.Quoted + " AS stored "
	if len(names) > 0 {
		into += "(" + sqltext.QuoteList(names) + ") "
	}
	if t.overriding && len(names) > 0 {
		into += "OVERRIDING SYSTEM VALUE "
	}
	return into
}

// onConflict is the end of an INSERT of rows with these columns.
func (t *Table) onConflict(names []string) string {
	switch {
	case t.IgnoreConflicts:
		return " ON CONFLICT DO NOTHING"
	case t.Mode == Append:
		return ""
	}
	var set []string
	for _, name := range names {
		if !slices.Contains(t.KeyNames, name) {
			set = append(set, sqltext.Quote(name)+" = EXCLUDED."+sqltext.Quote(name))
		}
	}
	clause := " ON CONFLICT (" + sqltext.QuoteList(t.KeyNames) + ") DO "
	if t.Mode == Ignore || len(set) == 0 {
		return clause + "NOTHING"
	}
	clause += "UPDATE SET " + strings.Join(set, ", ")
	if t.Sequence >= 0 {
		sequence := sqltext.Quote(t.Columns[t.Sequence].Name)
		clause += " WHERE stored." + sequence + " IS NULL OR EXCLUDED." + sequence + " >= stored." + sequence
	}
	return clause
}

// byKey returns what makes a SELECT take staged rows in the order of their keys,
// for keys whose bytes do not tell whether they are equal, and so could not be
// sorted before: the first of a key comes first for an ignore; for an upsert
// the last one only, since ON CONFLICT DO UPDATE refuses to touch a row twice.
// Rows with NULL in the key are all different. Where a trigger may change the key,
// an ignore takes rows as they came.
func (t *Table) byKey(p statementParts) (distinct, order string) {
	if t.Mode == Ignore && t.KeyMayChange {
		return "", " ORDER BY o"
	}
	if t.Mode == Append || t.ExactKey || len(p.keyValues) < len(t.KeyNames) {
		return "", ""
	}
	key := strings.Join(p.keyValues, ", ")
	if t.Mode == Ignore {
		return "", " ORDER BY " + key + ", o"
	}
	anyNull := make([]string, len(p.keyValues))
	for i, value := range p.keyValues {
		anyNull[i] = value + " IS NULL"
	}
	key += ", CASE WHEN " + strings.Join(anyNull, " OR ") + " THEN o END"
	newest := ", o DESC"
	if t.Sequence >= 0 {
		c := &t.Columns[t.Sequence]
		cast := ""
		if c.castType != "" {
			cast = "::" + c.castType
		}
		newest = fmt.Sprintf(", c%d%s DESC NULLS LAST, o DESC", t.Sequence+1, cast)
	}
	return "DISTINCT ON (" + key + ") ", " ORDER BY " + key + newest
}
