package postgrescopy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
)

// writeMode says what becomes of a row whose key the table already has.
type writeMode string

const (
	modeAppend writeMode = "append"
	modeIgnore writeMode = "ignore"
	modeUpsert writeMode = "upsert"
)

// targetOptions are what the configuration says of every table.
type targetOptions struct {
	mode          writeMode
	columns       []string // nil: all that the table has
	keys          []string // nil: the table's primary key
	ignoreUnknown bool
}

// target is a table as the catalogue describes it, prepared for rows. It never
// changes; a table that was altered gets a new one.
type target struct {
	targetOptions

	oid         uint32
	relation    string // its name alone, as the server writes it in errors
	quoted      string // "schema"."table"
	columns     []targetColumn
	keyNames    []string
	keyIndex    uint32 // the unique index of the key, 0: there is none
	keys        []int  // the places of the key in columns; empty: rows cannot have it
	leftAlone   map[string]bool
	fingerprint string

	// exactKey: two keys are equal if, and only if, their encoded bytes are.
	exactKey bool
	// insertOnly: COPY does not reach it (a view, or row-level security).
	insertOnly bool
	overriding bool // writes a column that is GENERATED ALWAYS AS IDENTITY
	selfRefers bool // a foreign key of the table refers to the table
	canStage   bool // the role may make temporary tables
	hasPLpgSQL bool
	references []reference // of the table to itself, by which rows can be put in an order

	optimism      optimism
	careful       atomic.Int32 // how many batches yet take turns, since some have met in a deadlock
	usualBytes    atomic.Int64 // of the rows of a batch, to make room for at once
	siftStatement string       // empty: the table cannot be asked for keys

	mu     sync.Mutex
	shapes map[string]*shape
}

// targetColumn is a column that rows may have.
type targetColumn struct {
	field      string // where its value is in a message
	name       string
	value      *pgvalue.Column
	stageType  string // its type in a staging table: no domain, no length
	castType   string // what the staged value is cast to; empty: it fits as it is
	domain     bool
	elementOID uint32 // its type without domain, and arrays of that; 0: there are none
	arrayOID   uint32 // 0 too when keys of it cannot be asked for
	key        int    // its place in the key, or -1
	keyCast    string // the type by which keys are compared, if a length or precision makes some equal
	keySigned  bool   // a big-endian integer of two's complement
	keyFixed   bool   // always as long
}

// catalogueColumn is a row of pg_attribute.
type catalogueColumn struct {
	number    int16
	name      string
	oid       uint32
	typmod    int32
	baseOID   uint32
	baseType  string // spelled without length
	arrayOID  uint32 // of arrays of the base type
	generated string // "s" or "v": computed from other columns
	identity  string // "a" always, "d" by default
	composite bool
	ordered   bool // its collation tells apart what bytes tell apart
}

const relationQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text,
	pg_catalog.row_security_active(c.oid),
	pg_catalog.has_any_column_privilege(c.oid, 'INSERT'),
	pg_catalog.has_any_column_privilege(c.oid, 'UPDATE'),
	pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
	pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP'),
	EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql'),
	EXISTS (SELECT FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.conrelid = c.oid AND f.confrelid = c.oid),
	current_user
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($1::text)`

const columnsQuery = `
WITH RECURSIVE base AS (
	SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated::text AS generated,
		a.attidentity::text AS identity, a.attcollation, a.atttypid AS typ
	FROM pg_catalog.pg_attribute a
	WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
	SELECT b.attnum, b.attname, b.atttypid, CASE WHEN b.atttypmod < 0 THEN t.typtypmod ELSE b.atttypmod END,
		b.generated, b.identity, b.attcollation, t.typbasetype
	FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typ
	WHERE t.typtype = 'd'
)
SELECT b.attnum, b.attname, b.atttypid, b.atttypmod, b.typ, pg_catalog.format_type(b.typ, -1), t.typarray,
	b.generated, b.identity, coalesce(l.collisdeterministic, true), t.typtype = 'c'
FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typ
LEFT JOIN pg_catalog.pg_collation l ON l.oid = b.attcollation
WHERE t.typtype <> 'd'
ORDER BY b.attnum`

// fingerprintQuery sums up whatever a target was made from and may change
// while it is in use.
const fingerprintQuery = `
SELECT pg_catalog.concat_ws('|', c.oid, c.relkind, c.relname, c.relnamespace, pg_catalog.row_security_active(c.oid),
	(SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated, a.attidentity, a.attcollation), ';' ORDER BY a.attnum))
	 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
	(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', i.indexrelid, i.indisvalid, i.indimmediate), ';' ORDER BY i.indexrelid)
	 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique))
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1::text)`

// errNoTable is returned by loadTarget when there is no such table.
type errNoTable struct{ name string }

func (e *errNoTable) Error() string {
	return fmt.Sprintf("there is no table %s: create it (init_statement or init_files can), or correct `table`", e.name)
}

// loadTarget reads what the catalogue says of the table that a person calls
// name. It wants q to be in a transaction. What a person must put right comes
// back as an *errNoTable or a *configError.
func loadTarget(ctx context.Context, q pgx.Tx, name string, opts targetOptions) (*target, error) {
	parsed, err := parseTableName(name)
	if err != nil {
		return nil, &configError{err.Error()}
	}
	t := &target{targetOptions: opts, shapes: map[string]*shape{}}
	if err := t.readRelation(ctx, q, name, parsed); err != nil {
		return nil, err
	}
	columns, err := readColumns(ctx, q, t.oid)
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", t.quoted, err)
	}
	if err := t.chooseColumns(columns); err != nil {
		return nil, err
	}
	if err := t.loadTypes(ctx, q, columns); err != nil {
		return nil, fmt.Errorf("reading the types of %s: %w", t.quoted, err)
	}
	if err := t.chooseKey(ctx, q, columns); err != nil {
		return nil, err
	}
	return t, t.readReferences(ctx, q, columns)
}

// readFingerprint gives the fingerprint of the table as it is now, empty when
// it is gone.
func (t *target) readFingerprint(ctx context.Context, q pgx.Tx) (string, error) {
	rows, err := q.Query(ctx, fingerprintQuery, t.quoted)
	if err != nil {
		return "", err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func (t *target) readRelation(ctx context.Context, q pgx.Tx, name string, parsed tableName) error {
	for _, spelling := range parsed.spellings() {
		found, err := t.readRelationSpelled(ctx, q, spelling)
		if err != nil {
			return fmt.Errorf("looking up table %s: %w", name, err)
		}
		if found {
			if t.fingerprint, err = t.readFingerprint(ctx, q); err != nil {
				return fmt.Errorf("looking up table %s: %w", name, err)
			}
			return t.check()
		}
	}
	return &errNoTable{name}
}

// relationFacts are what check judges, beside what the target keeps.
type relationFacts struct {
	kind, role                      string
	mayInsert, mayUpdate, maySelect bool
}

func (t *target) readRelationSpelled(ctx context.Context, q pgx.Tx, spelling string) (bool, error) {
	var schema, kind, role string
	var mayInsert, mayUpdate, maySelect bool
	rows, err := q.Query(ctx, relationQuery, spelling)
	if err != nil {
		return false, err
	}
	found := false
	_, err = pgx.ForEachRow(rows, []any{
		&t.oid, &schema, &t.relation, &kind, &t.insertOnly,
		&mayInsert, &mayUpdate, &maySelect, &t.canStage, &t.hasPLpgSQL, &t.selfRefers, &role,
	}, func() error { found = true; return nil })
	if err != nil || !found {
		return false, err
	}
	t.quoted = quoteName(schema) + "." + quoteName(t.relation)
	if kind == "v" {
		t.insertOnly = true
	}
	return true, t.checkRelation(relationFacts{kind, role, mayInsert, mayUpdate, maySelect})
}

// checkRelation refuses what cannot be written at all.
func (t *target) checkRelation(f relationFacts) error {
	grant := func(privilege string) error {
		return &configError{fmt.Sprintf("the role %s may not %s rows of %s, which write_mode %s needs: run GRANT %s ON %s TO %s",
			quoteName(f.role), strings.ToLower(privilege), t.quoted, t.mode, privilege, t.quoted, quoteName(f.role))}
	}
	switch {
	case !strings.Contains("rpvf", f.kind):
		return &configError{fmt.Sprintf("%s is not a table that rows can be written to (relkind %s): name a table, a partitioned table, a foreign table or an updatable view in `table`", t.quoted, f.kind)}
	case !f.mayInsert:
		return grant("INSERT")
	case t.mode == modeUpsert && !f.mayUpdate:
		return grant("UPDATE")
	case t.mode != modeAppend && !f.maySelect:
		return grant("SELECT")
	}
	return nil
}

// check refuses what only a staging table could do where none can be made.
func (t *target) check() error {
	castsText := func(c targetColumn) bool { return c.castType != "" }
	if t.canStage || (t.mode == modeAppend && !t.insertOnly && !slices.ContainsFunc(t.columns, castsText)) {
		return nil
	}
	return &configError{fmt.Sprintf("writing to %s this way goes through a temporary table, which the role may not make: run GRANT TEMPORARY ON DATABASE for it", t.quoted)}
}

func readColumns(ctx context.Context, q pgx.Tx, oid uint32) ([]catalogueColumn, error) {
	rows, err := q.Query(ctx, columnsQuery, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c catalogueColumn, err error) {
		err = row.Scan(&c.number, &c.name, &c.oid, &c.typmod, &c.baseOID, &c.baseType, &c.arrayOID, &c.generated, &c.identity, &c.ordered, &c.composite)
		return c, err
	})
}

// chooseColumns decides which columns rows may have, and in which order.
func (t *target) chooseColumns(all []catalogueColumn) error {
	t.leftAlone = map[string]bool{}
	if t.targetOptions.columns == nil {
		for _, c := range all {
			if c.generated != "" || c.identity == "a" {
				t.leftAlone[c.name] = true
				continue
			}
			t.columns = append(t.columns, targetColumn{field: c.name, name: c.name, key: -1})
		}
		return nil
	}
	for _, field := range t.targetOptions.columns {
		field = unquoteColumn(field)
		c, found := findColumn(all, field)
		switch {
		case !found:
			return &configError{fmt.Sprintf("table %s has no column %q, which `columns` lists; it has %s", t.quoted, field, columnNames(all))}
		case c.generated != "":
			return &configError{fmt.Sprintf("column %q of %s is computed by PostgreSQL and cannot be written: remove it from `columns`", c.name, t.quoted)}
		case c.identity == "a":
			t.overriding = true
		}
		t.columns = append(t.columns, targetColumn{field: field, name: c.name, key: -1})
	}
	return nil
}

// findColumn finds a column by its exact name, or else by the name folded to
// lower case, as SQL does.
func findColumn(all []catalogueColumn, name string) (catalogueColumn, bool) {
	for _, wanted := range []string{name, strings.ToLower(name)} {
		i := slices.IndexFunc(all, func(c catalogueColumn) bool { return c.name == wanted })
		if i >= 0 {
			return all[i], true
		}
	}
	return catalogueColumn{}, false
}

func columnNames(all []catalogueColumn) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	return quoteNames(names)
}

// loadTypes gives every column its encoder.
func (t *target) loadTypes(ctx context.Context, q pgx.Tx, all []catalogueColumn) error {
	var oids []uint32
	for _, c := range all {
		if !slices.Contains(oids, c.oid) {
			oids = append(oids, c.oid)
		}
	}
	types, err := pgvalue.Load(ctx, q, oids)
	if err != nil {
		return err
	}
	for i := range t.columns {
		c := &t.columns[i]
		from, _ := findColumn(all, c.name)
		if c.value, err = types.Column(c.name, from.oid, from.typmod); err != nil {
			return err
		}
		c.stageType, c.elementOID, c.arrayOID = from.baseType, from.baseOID, from.arrayOID
		if from.composite {
			c.arrayOID = 0 // unnest would make several columns of it
		}
		c.domain = from.oid != from.baseOID
		if c.value.Text {
			c.stageType, c.castType = "text", from.baseType
		}
	}
	return t.check()
}
