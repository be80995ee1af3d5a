package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

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
}

// beforeTrigger is whether a trigger may change a row, and so its key, before it is
// inserted in c or one of its partitions.
const beforeTrigger = `EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgtype & 7 = 7 AND g.tgenabled <> 'D'
	AND (g.tgrelid = c.oid OR c.relkind = 'p' AND g.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p)))`

const relationQuery = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text,
	pg_catalog.row_security_active(c.oid),
	pg_catalog.has_any_column_privilege(c.oid, 'INSERT'),
	pg_catalog.has_any_column_privilege(c.oid, 'UPDATE'),
	pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
	pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP'),
	EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql'),
	EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'),
	` + beforeTrigger + `,
	coalesce((SELECT w.rulename FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '3' AND w.ev_enabled <> 'D' ORDER BY w.rulename LIMIT 1), ''),
	current_user
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($1::text)`

const columnsQuery = `
WITH RECURSIVE base AS (
	SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated::text AS generated,
		a.attidentity::text AS identity, a.atttypid AS typ
	FROM pg_catalog.pg_attribute a
	WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
	SELECT b.attnum, b.attname, b.atttypid, CASE WHEN b.atttypmod < 0 THEN t.typtypmod ELSE b.atttypmod END,
		b.generated, b.identity, t.typbasetype
	FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typ
	WHERE t.typtype = 'd'
)
SELECT b.attnum, b.attname, b.atttypid, b.atttypmod, b.typ, pg_catalog.format_type(b.typ, -1), t.typarray,
	b.generated, b.identity, t.typtype = 'c'
FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typ
WHERE t.typtype <> 'd'
ORDER BY b.attnum`

// fingerprintQuery sums up whatever a Table was made from and may change
// while it is in use.
const fingerprintQuery = `
SELECT pg_catalog.concat_ws('|', c.oid, c.relkind, c.relname, c.relnamespace, pg_catalog.row_security_active(c.oid), ` + beforeTrigger + `,
	(SELECT count(*) FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '3' AND w.ev_enabled <> 'D'),
	(SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attgenerated, a.attidentity, a.attcollation), ';' ORDER BY a.attnum))
	 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
	(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(',', i.indexrelid, i.indisvalid, i.indimmediate), ';' ORDER BY i.indexrelid)
	 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique))
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1::text)`

// readFingerprint returns the fingerprint of the table as it is now, empty when
// it is gone.
func (t *Table) readFingerprint(ctx context.Context, q pgx.Tx) (string, error) {
	rows, err := q.Query(ctx, fingerprintQuery, t.Quoted)
	if err != nil {
		return "", err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func (t *Table) readRelation(ctx context.Context, q pgx.Tx, name string, parsed sqltext.TableName) error {
	for _, spelling := range parsed.Spellings() {
		found, err := t.readRelationSpelled(ctx, q, spelling)
		if err != nil {
			return fmt.Errorf("looking up table %s: %w", name, err)
		}
		if found {
			if t.fingerprint, err = t.readFingerprint(ctx, q); err != nil {
				return fmt.Errorf("looking up table %s: %w", name, err)
			}
			return nil
		}
	}
	return pgerr.Operatorf("there is no table %s: create it (init_statement or init_files can), or correct `table`", name)
}

// relationFacts are what checkRelation looks at, beside what the Table keeps.
type relationFacts struct {
	kind, rule, role                string
	mayInsert, mayUpdate, maySelect bool
}

func (t *Table) readRelationSpelled(ctx context.Context, q pgx.Tx, spelling string) (bool, error) {
	var schema, kind, rule string
	var mayInsert, mayUpdate, maySelect bool
	rows, err := q.Query(ctx, relationQuery, spelling)
	if err != nil {
		return false, err
	}
	found := false
	_, err = pgx.ForEachRow(rows, []any{
		&t.OID, &schema, &t.Relation, &kind, &t.insertOnly,
		&mayInsert, &mayUpdate, &maySelect, &t.CanStage, &t.HasPLpgSQL, &t.triggered, &t.KeyMayChange, &rule, &t.role,
	}, func() error { found = true; return nil })
	if err != nil || !found {
		return false, err
	}
	t.Quoted = sqltext.Quote(schema) + "." + sqltext.Quote(t.Relation)
	if kind == "v" || rule != "" { // rules of a table are for INSERT, and not for COPY
		t.insertOnly = true
	}
	return true, t.checkRelation(relationFacts{kind, rule, t.role, mayInsert, mayUpdate, maySelect})
}

// checkRelation refuses what cannot be written at all.
func (t *Table) checkRelation(f relationFacts) error {
	grant := func(privilege string) error {
		return pgerr.Operatorf("the role %s may not %s rows of %s, which write_mode %s needs: run GRANT %s ON %s TO %s",
			sqltext.Quote(f.role), strings.ToLower(privilege), t.Quoted, t.Mode, privilege, t.Quoted, sqltext.Quote(f.role))
	}
	switch {
	case !strings.Contains("rpvf", f.kind):
		return pgerr.Operatorf("%s is not a table that rows can be written to (relkind %s): name a table, a partitioned table, a foreign table or an updatable view in `table`", t.Quoted, f.kind)
	case f.rule != "" && t.Mode != Append:
		return pgerr.Operatorf("%s has the rule %s ON INSERT, with which PostgreSQL has no ON CONFLICT, and so no write_mode %s: make a trigger of the rule, or use `write_mode: append`", t.Quoted, sqltext.Quote(f.rule), t.Mode)
	case !f.mayInsert:
		return grant("INSERT")
	case t.Mode == Upsert && !f.mayUpdate:
		return grant("UPDATE")
	case t.Mode != Append && !f.maySelect:
		return grant("SELECT")
	}
	return nil
}

func readColumns(ctx context.Context, q pgx.Tx, oid uint32) ([]catalogueColumn, error) {
	rows, err := q.Query(ctx, columnsQuery, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c catalogueColumn, err error) {
		err = row.Scan(&c.number, &c.name, &c.oid, &c.typmod, &c.baseOID, &c.baseType, &c.arrayOID, &c.generated, &c.identity, &c.composite)
		return c, err
	})
}
