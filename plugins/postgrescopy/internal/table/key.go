package table

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// uniqueIndex is a unique index as far as ON CONFLICT can use it: over plain
// columns and whole tables, valid, checked at once.
type uniqueIndex struct {
	oid     uint32
	primary bool
	columns []string
	collate []string // the COLLATE clause of each column; empty: the type's own
	exact   []bool   // the collation tells apart what bytes tell apart
}

// indexCollations are the collations of an index's columns, in their order; 100 is the
// database's default.
const indexCollations = `
	FROM pg_catalog.unnest(i.indcollation::oid[]) WITH ORDINALITY AS x (oid, n) LEFT JOIN pg_catalog.pg_collation l ON l.oid = x.oid
	LEFT JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE x.n <= i.indnkeyatts ORDER BY x.n`

const uniqueIndexesQuery = `
SELECT i.indexrelid, i.indisprimary, array(
	SELECT a.attname::text FROM pg_catalog.pg_attribute a
	WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
		AND pg_catalog.array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts
	ORDER BY pg_catalog.array_position(i.indkey::int2[], a.attnum)),
	array(SELECT CASE WHEN coalesce(l.oid, 100) = 100 THEN '' ELSE pg_catalog.format(' COLLATE %I.%I', n.nspname, l.collname) END ` + indexCollations + `),
	array(SELECT coalesce(l.collisdeterministic, true) ` + indexCollations + `)
FROM pg_catalog.pg_index i
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
	AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indexrelid`

// chooseKey finds the columns that tell rows apart. In append mode it is the
// primary key, if there is one, and serves to send rows in its order.
func (t *Table) chooseKey(ctx context.Context, q pgx.Tx, all []catalogueColumn) error {
	indexes, err := readUniqueIndexes(ctx, q, t.OID)
	if err != nil {
		return fmt.Errorf("reading the indexes of %s: %w", t.Quoted, err)
	}
	var index uniqueIndex
	for _, i := range indexes {
		if i.primary {
			index = i
		}
	}
	if t.Mode != Append {
		if index, err = t.checkKey(index, indexes, all); err != nil {
			return err
		}
	}
	t.keyIndex = index.oid
	t.setKey(index, all)
	return nil
}

func readUniqueIndexes(ctx context.Context, q pgx.Tx, oid uint32) ([]uniqueIndex, error) {
	rows, err := q.Query(ctx, uniqueIndexesQuery, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (i uniqueIndex, err error) {
		err = row.Scan(&i.oid, &i.primary, &i.columns, &i.collate, &i.exact)
		return i, err
	})
}

// checkKey returns the index of the key that the configuration asks for, or of the
// primary key when it names none, and refuses a key that no unique index stands
// behind.
func (t *Table) checkKey(primary uniqueIndex, indexes []uniqueIndex, all []catalogueColumn) (uniqueIndex, error) {
	if t.Options.Keys == nil {
		if primary.oid == 0 {
			return primary, pgerr.Operatorf("write_mode %s needs a key, and %s has no primary key: name the columns of a unique index in `primary_keys`", t.Mode, t.Quoted)
		}
		return primary, nil
	}
	var key []string
	for _, name := range t.Options.Keys {
		c, found := findColumn(all, sqltext.Unquote(name))
		if !found {
			return uniqueIndex{}, pgerr.Operatorf("table %s has no column %q, which `primary_keys` lists; it has %s", t.Quoted, name, columnNames(all))
		}
		key = append(key, c.name)
	}
	sorted := slices.Sorted(slices.Values(key))
	for _, index := range indexes {
		if slices.Equal(slices.Sorted(slices.Values(index.columns)), sorted) {
			return index, nil
		}
	}
	return uniqueIndex{}, pgerr.Operatorf("write_mode %s needs a unique index on %s (%s), and there is none: run CREATE UNIQUE INDEX ON %s (%s)",
		t.Mode, t.Quoted, sqltext.QuoteList(key), t.Quoted, sqltext.QuoteList(key))
}

// setKey notes the key's columns, unless rows cannot have one of them.
func (t *Table) setKey(index uniqueIndex, all []catalogueColumn) {
	key := index.columns
	t.KeyNames = key
	t.ExactKey = true
	var places []int
	for _, name := range key {
		place := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		if place < 0 {
			return
		}
		places = append(places, place)
	}
	t.Keys = places
	for i, place := range places {
		c := &t.Columns[place]
		from, _ := findColumn(all, c.Name)
		c.Key = i
		form := keyForms[from.baseOID]
		c.KeyFixed, c.KeySigned = form.fixed, form.signed
		if from.typmod >= 0 {
			c.keyCast = c.Value.Type
		}
		c.collate = index.collate[i]
		if !form.exact || !index.exact[i] || from.typmod >= 0 || c.Value.Text {
			t.ExactKey = false
		}
	}
	t.setExistingStatement()
}

// chooseSequence finds the column that tells newer rows of a key from older ones.
func (t *Table) chooseSequence() error {
	if t.SequenceBy == "" {
		return nil
	}
	name := sqltext.Unquote(t.SequenceBy)
	t.Sequence = slices.IndexFunc(t.Columns, func(c Column) bool { return c.Field == name || c.Name == name })
	if t.Sequence < 0 {
		return pgerr.Operatorf("table %s has no column %q that is written, which `sequence_by` names", t.Quoted, t.SequenceBy)
	}
	t.ExactKey = false // which of a key is the newest is left to the server
	return nil
}

// keyForm is what the bytes of an encoded value reveal of its equality and
// order.
type keyForm struct {
	exact  bool // equal values have equal bytes, and the other way round
	fixed  bool // all values are as long
	signed bool // big-endian two's complement
}

// keyForms has the types whose bytes are exact. A numeric is not (1.0 and 1.00),
// nor is a float (0 and -0), nor what a length cuts or pads.
var keyForms = map[uint32]keyForm{
	pgtype.BoolOID:        {exact: true, fixed: true},
	pgtype.UUIDOID:        {exact: true, fixed: true},
	pgtype.OIDOID:         {exact: true, fixed: true},
	pgtype.Int2OID:        {exact: true, fixed: true, signed: true},
	pgtype.Int4OID:        {exact: true, fixed: true, signed: true},
	pgtype.Int8OID:        {exact: true, fixed: true, signed: true},
	pgtype.DateOID:        {exact: true, fixed: true, signed: true},
	pgtype.TimestampOID:   {exact: true, fixed: true, signed: true},
	pgtype.TimestamptzOID: {exact: true, fixed: true, signed: true},
	pgtype.TextOID:        {exact: true},
	pgtype.VarcharOID:     {exact: true},
}

// CanSkipExisting reports whether the table can be asked for the keys of rows of
// this set, and whether that is of use. It is not for an upsert: the rows that
// are there and those that are not would go into different statements, and so no
// longer lock in one order with those of other batches.
func (t *Table) CanSkipExisting(s *ColumnSet) bool {
	return t.Mode == Ignore && t.ExistingStatement != "" && len(s.KeyFields) == len(t.Keys) && len(t.Keys) > 0
}

// setExistingStatement writes the statement that asks which of the keys in $1,
// $2, … the table has: an array for each column of the key. The subquery of each
// key has a LIMIT so that it stays a look into the index, whatever the planner
// thinks of the number of keys.
func (t *Table) setExistingStatement() {
	if t.KeyMayChange {
		return
	}
	arrays, names, equal := make([]string, len(t.Keys)), make([]string, len(t.Keys)), make([]string, len(t.Keys))
	for i, place := range t.Keys {
		c := &t.Columns[place]
		if c.ArrayOID == 0 || c.castType != "" {
			return
		}
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, c.stageType)
		names[i] = fmt.Sprintf("k%d", i)
		equal[i] = fmt.Sprintf("t.%s = u.k%d%s", sqltext.Quote(c.Name), i, c.collate)
	}
	t.ExistingStatement = "SELECT u.o::int4 FROM unnest(" + strings.Join(arrays, ", ") + ") WITH ORDINALITY AS u(" + strings.Join(names, ", ") +
		", o), LATERAL (SELECT FROM " + t.Quoted + " AS t WHERE " + strings.Join(equal, " AND ") + " LIMIT 1) AS found"
}
