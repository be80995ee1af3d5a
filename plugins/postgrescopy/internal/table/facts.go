package table

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

const columnPrivilegesQuery = `
SELECT a.attname, pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'INSERT'),
	pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE'), pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped`

// checkColumnPrivileges refuses a column that is written for sure, or belongs to
// the key, and that the role may not use so.
func (t *Table) checkColumnPrivileges(ctx context.Context, q pgx.Tx) error {
	rows, err := q.Query(ctx, columnPrivilegesQuery, t.OID)
	if err != nil {
		return fmt.Errorf("reading the privileges on %s: %w", t.Quoted, err)
	}
	var refused error
	refuse := func(verb, privilege, column string) {
		refused = pgerr.Operatorf("the role %s may not %s column %s of %s: run GRANT %s (%s) ON %s TO %s",
			sqltext.Quote(t.role), verb, sqltext.Quote(column), t.Quoted, privilege, sqltext.Quote(column), t.Quoted, sqltext.Quote(t.role))
	}
	var name string
	var mayInsert, mayUpdate, maySelect bool
	_, err = pgx.ForEachRow(rows, []any{&name, &mayInsert, &mayUpdate, &maySelect}, func() error {
		key := slices.Contains(t.KeyNames, name)
		written := t.Options.Columns != nil && slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name })
		switch {
		case refused != nil:
		case written && !mayInsert:
			refuse("insert into", "INSERT", name)
		case t.Mode == Upsert && written && !key && !mayUpdate:
			refuse("update", "UPDATE", name)
		case t.Mode != Append && key && !maySelect:
			refuse("select", "SELECT", name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the privileges on %s: %w", t.Quoted, err)
	}
	return refused
}

// sequenceDefault is the default of a column that takes a number from a sequence.
type sequenceDefault struct {
	column, expression, typ string
}

const sequenceDefaultsQuery = `
SELECT a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.format_type(a.atttypid, a.atttypmod),
	n.nspname, s.relname, pg_catalog.has_sequence_privilege(s.oid, 'USAGE') OR pg_catalog.has_sequence_privilege(s.oid, 'UPDATE')
FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = ''
JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
	AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
JOIN pg_catalog.pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
WHERE d.adrelid = $1::oid`

// readDefaults reads which columns take their default from a sequence, and refuses
// one that rows never have and whose sequence the role may not use.
func (t *Table) readDefaults(ctx context.Context, q pgx.Tx) error {
	rows, err := q.Query(ctx, sequenceDefaultsQuery, t.OID)
	if err != nil {
		return fmt.Errorf("reading the defaults of %s: %w", t.Quoted, err)
	}
	var refused error
	var d sequenceDefault
	var schema, sequence string
	var allowed bool
	_, err = pgx.ForEachRow(rows, []any{&d.column, &d.expression, &d.typ, &schema, &sequence, &allowed}, func() error {
		t.defaults = append(t.defaults, d)
		if !allowed && !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == d.column }) {
			name := sqltext.Quote(schema) + "." + sqltext.Quote(sequence)
			refused = pgerr.Operatorf("the role %s may not use the sequence %s, which column %s of %s takes its default from: run GRANT USAGE ON SEQUENCE %s TO %s",
				sqltext.Quote(t.role), name, sqltext.Quote(d.column), t.Quoted, name, sqltext.Quote(t.role))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the defaults of %s: %w", t.Quoted, err)
	}
	return refused
}

// DefaultsStatement returns a statement that evaluates the defaults that rows of the
// set take from sequences, empty if they take none. It fails when no row could be
// stored for a sequence's sake.
func (t *Table) DefaultsStatement(s *ColumnSet) string {
	var values []string
	for _, d := range t.defaults {
		if !slices.ContainsFunc(s.Columns, func(c pgerr.Column) bool { return c.Name == d.column }) {
			values = append(values, "("+d.expression+")::"+d.typ)
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "SELECT " + strings.Join(values, ", ")
}

const dependentConstraintsQuery = `
SELECT c.conname, c.contype = 't' FROM pg_catalog.pg_constraint c
WHERE c.conrelid = $1::oid AND CASE c.contype WHEN 'f' THEN c.confrelid = c.conrelid WHEN 't' THEN true ELSE c.condeferrable END`

// readConstraints reads by which constraints a row may depend on other rows of its
// batch: those that may be deferred, and its foreign keys to itself.
func (t *Table) readConstraints(ctx context.Context, q pgx.Tx) error {
	rows, err := q.Query(ctx, dependentConstraintsQuery, t.OID)
	if err != nil {
		return fmt.Errorf("reading the constraints of %s: %w", t.Quoted, err)
	}
	t.dependent = map[string]bool{}
	var name string
	var trigger bool
	_, err = pgx.ForEachRow(rows, []any{&name, &trigger}, func() error {
		t.dependent[name] = true
		t.constraintTriggers = t.constraintTriggers || trigger
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the constraints of %s: %w", t.Quoted, err)
	}
	return nil
}

// DependsOnOthers reports whether a row that fails so may be stored together with
// others of its batch.
func (t *Table) DependsOnOthers(e pgerr.RowError) bool {
	return t.dependent[e.Constraint] || (t.constraintTriggers && e.Constraint == "")
}

// maxStaged is how many columns a table to stage rows in can have beside their
// number.
const maxStaged = 1599

// tryStaging finds out whether rows can be staged in a temporary table.
func (t *Table) tryStaging(ctx context.Context, q pgx.Tx) error {
	t.CanStage = t.CanStage && len(t.Columns) <= maxStaged
	if !t.CanStage || !t.triggered {
		return nil
	}
	err := pgx.BeginFunc(ctx, q, func(savepoint pgx.Tx) error {
		_, err := savepoint.Exec(ctx, "CREATE TEMPORARY TABLE postgres_copy_try (o int4) ON COMMIT DROP")
		return err
	})
	if _, refused := pgerr.As(err); refused && !pgerr.Classify(ctx, err).Retry() {
		t.CanStage = false
		return nil
	}
	return err
}
