package postgrescopy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// shape is a set of columns that rows have, with the statements that write such
// rows. A column that a row lacks takes its default, which is not the same as
// NULL, so rows of different shapes need statements of their own.
//
// Rows reach the table in one of two ways: directly, by COPY into the table; or
// staged, by COPY into a temporary table and an INSERT … SELECT from it, which
// is what ON CONFLICT, views, row-level security and types without a binary
// form ask for. The staging table is made in the transaction that uses it, and
// its name tells its columns, so that it works whichever of a pooler's
// connections the transaction gets, and after the table was altered. It has all
// of the target's columns and serves all of its shapes: thousands of tables would
// be more than a transaction can lock.
type shape struct {
	mask      string // a bit for each of the target's columns
	fields    int
	columns   []shapeColumn // for errors
	keyFields []int         // where the fields of the key are, as far as there are

	// stagedOnly: COPY into the table itself is not possible.
	stagedOnly bool
	// numbered: the staged rows carry their number, since the INSERT needs it.
	numbered bool

	copyDirect string
	guard      string // fails when COPY took the bytes for other types
	stageName  string
	makeStage  string
	copyStage  string // without the rows' numbers
	copyNumber string // with the rows' numbers in front
	insert     string // all staged rows into the table

	// For the judging of rows one by one: a staging table that is indexed by
	// the rows' numbers, and the INSERT of those for which a condition on o holds.
	judgeName   string
	makeJudge   string
	copyJudge   string
	insertWhere func(condition string) string
}

// shapeColumn is a column as errors speak of it.
type shapeColumn struct {
	alias     string // in the staging table
	name, typ string
	castType  string // as in targetColumn
	domain    bool
	oid       uint32 // its type without domain
}

// unalias gives the table's column for one of the staging table.
func (s *shape) unalias(alias string) string {
	for _, c := range s.columns {
		if c.alias == alias {
			return c.name
		}
	}
	return ""
}

// maxShapes bounds how many shapes a target remembers. Messages that each have
// another set of fields still work; their statements are then written anew.
const maxShapes = 256

// shapeOf gives the shape for a mask.
func (t *target) shapeOf(mask string) *shape {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.shapes[mask]; ok {
		return s
	}
	if len(t.shapes) >= maxShapes {
		clear(t.shapes)
	}
	s := t.newShape(mask)
	t.shapes[mask] = s
	return s
}

// shapeParts are the pieces that a shape's statements are put together from.
type shapeParts struct {
	names       []string // of the table's columns
	aliases     []string // of the staging table's: c1, c2, …
	values      []string // the same, cast to the column's type where needed
	keyValues   []string // those of the key
	definitions []string // of all columns of the staging table, with their types
	types       string   // the numbers of the types
}

func (t *target) newShape(mask string) *shape {
	s := &shape{mask: mask, stagedOnly: t.insertOnly}
	var p shapeParts
	for i := range t.columns {
		c := &t.columns[i]
		alias := fmt.Sprintf("c%d", i+1)
		p.definitions = append(p.definitions, alias+" "+c.stageType)
		p.types += fmt.Sprintf(" %d", c.elementOID)
		if mask[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		value := alias
		if c.castType != "" {
			value += "::" + c.castType
			s.stagedOnly = true
		}
		p.names = append(p.names, c.name)
		p.aliases = append(p.aliases, alias)
		p.values = append(p.values, value)
		s.columns = append(s.columns, shapeColumn{alias, c.name, c.value.Type, c.castType, c.domain, c.elementOID})
		if c.key >= 0 {
			if c.keyCast != "" {
				value = alias + "::" + c.keyCast
			}
			p.keyValues = append(p.keyValues, value)
		}
	}
	s.fields = len(p.names)
	for _, place := range t.keys {
		if field := slices.Index(p.names, t.columns[place].name); field >= 0 {
			s.keyFields = append(s.keyFields, field)
		}
	}
	s.writeStatements(t, p)
	return s
}

func (s *shape) writeStatements(t *target, p shapeParts) {
	hash := sha256.Sum256([]byte(strings.Join(p.definitions, ",") + p.types))
	name := "postgres_copy_" + hex.EncodeToString(hash[:8])
	s.stageName, s.judgeName = "pg_temp."+name, "pg_temp."+name+"_judge"
	numbered := append([]string{"o"}, p.aliases...)
	definitions := strings.Join(append([]string{""}, p.definitions...), ", ")

	s.guard = t.guardStatement(s.mask)
	s.copyDirect = "COPY " + t.quoted + " (" + quoteNames(p.names) + ") FROM STDIN (FORMAT binary)"
	s.makeStage = "CREATE TEMPORARY TABLE IF NOT EXISTS " + name + " (o int4" + definitions + ") ON COMMIT DELETE ROWS"
	s.makeJudge = "CREATE TEMPORARY TABLE IF NOT EXISTS " + name + "_judge (o int4 PRIMARY KEY" + definitions + ") ON COMMIT DELETE ROWS"
	s.copyStage = copyInto(s.stageName, p.aliases)
	s.copyNumber = copyInto(s.stageName, numbered)
	s.copyJudge = copyInto(s.judgeName, numbered)

	into := t.insertInto(p.names)
	onConflict := t.onConflict(p.names)
	distinct, order := t.byKey(p)
	s.numbered = order != "" || len(p.names) == 0
	if len(p.names) == 0 {
		s.stagedOnly = true // COPY cannot write rows of no columns
	}
	s.insert = into + "SELECT " + distinct + strings.Join(p.values, ", ") + " FROM " + s.stageName + order + onConflict
	s.insertWhere = func(condition string) string {
		return into + "SELECT " + strings.Join(p.values, ", ") + " FROM " + s.judgeName +
			" WHERE " + condition + " ORDER BY o" + onConflict
	}
}

// guardStatement fails, and with it the transaction, when a column of the rows
// has another type than the rows were encoded for: a bigint's eight bytes would
// make a timestamp too. So it does when another table has the name by now, and
// when the unique index is gone that an ignore or upsert rests on: nothing else
// would keep duplicates out. It comes behind the COPY, which keeps the table from
// being altered until the end of the transaction. An INSERT needs no guard,
// since it looks at all that itself.
func (t *target) guardStatement(mask string) string {
	var pairs []string
	for i := range t.columns {
		if mask[i/8]&(1<<(i%8)) != 0 {
			c := &t.columns[i]
			pairs = append(pairs, fmt.Sprintf("(%s,%d)", quoteLiteral(c.name), c.value.OID))
		}
	}
	key := ""
	if t.mode != modeAppend {
		key = fmt.Sprintf(" AND EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = %d AND indisvalid)", t.keyIndex)
	}
	return fmt.Sprintf("SELECT CASE WHEN pg_catalog.count(*) = %d THEN 0 ELSE ('%s'||pg_catalog.count(*))::int4 END"+
		" FROM pg_catalog.pg_attribute WHERE attrelid = %d AND attrelid = pg_catalog.to_regclass(%s) AND NOT attisdropped AND (attname,atttypid) IN (%s)%s",
		len(pairs), alteredMark, t.oid, quoteLiteral(t.quoted), strings.Join(pairs, ","), key)
}

// alteredMark begins what a guard fails on, as people will find it in the
// server's log.
const alteredMark = "postgres_copy: the table was altered meanwhile, so the batch is sent again: columns left as they were: "

func copyInto(table string, columns []string) string {
	return "COPY " + table + " (" + strings.Join(columns, ", ") + ") FROM STDIN (FORMAT binary)"
}

func (t *target) insertInto(names []string) string {
	into := "INSERT INTO " + t.quoted + " "
	if len(names) > 0 {
		into += "(" + quoteNames(names) + ") "
	}
	if t.overriding {
		into += "OVERRIDING SYSTEM VALUE "
	}
	return into
}

// onConflict is the end of an INSERT of rows with these columns.
func (t *target) onConflict(names []string) string {
	if t.mode == modeAppend {
		return ""
	}
	var set []string
	for _, name := range names {
		if !slices.Contains(t.keyNames, name) {
			set = append(set, quoteName(name)+" = EXCLUDED."+quoteName(name))
		}
	}
	clause := " ON CONFLICT (" + quoteNames(t.keyNames) + ") DO "
	if t.mode == modeIgnore || len(set) == 0 {
		return clause + "NOTHING"
	}
	return clause + "UPDATE SET " + strings.Join(set, ", ")
}

// byKey gives what makes a SELECT take staged rows in the order of their keys,
// for keys whose bytes do not tell whether they are equal, and so could not be
// sorted before: the first of a key comes first for an ignore; for an upsert
// the last one only, since ON CONFLICT DO UPDATE refuses to touch a row twice.
// Rows with NULL in the key are all different.
func (t *target) byKey(p shapeParts) (distinct, order string) {
	if t.mode == modeAppend || t.exactKey || len(p.keyValues) < len(t.keyNames) {
		return "", ""
	}
	key := strings.Join(p.keyValues, ", ")
	if t.mode == modeIgnore {
		return "", " ORDER BY " + key + ", o"
	}
	anyNull := make([]string, len(p.keyValues))
	for i, value := range p.keyValues {
		anyNull[i] = value + " IS NULL"
	}
	key += ", CASE WHEN " + strings.Join(anyNull, " OR ") + " THEN o END"
	return "DISTINCT ON (" + key + ") ", " ORDER BY " + key + ", o DESC"
}
