package ledger

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

const ledgerQuery = `
SELECT coalesce(array_agg(a.attname::text) FILTER (WHERE (a.attname, a.atttypid::pg_catalog.regtype::text) IN (('scope', 'text'), ('channel', 'text'), ('part', 'bigint'), ('offsets', 'int8multirange'), ('bits', 'bit'), ('low_watermark', 'bigint'), ('updated_at', 'timestamp with time zone'))), '{}'),
	pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE'),
	pg_catalog.has_table_privilege(c.oid, 'DELETE'),
	pg_catalog.pg_has_role(c.relowner, 'USAGE'),
	(SELECT k.conname::text FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'),
	current_user, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.oid = pg_catalog.to_regclass($1::text)
GROUP BY c.oid, n.nspname, c.relname`

// found is a table that has the name of the ledger.
type found struct {
	columns    []string // of those that a ledger has
	allowed    bool     // the role may use it
	deletes    bool     // the role may delete from it
	owned      bool     // the role may alter it
	primaryKey *string
	role, name string
}

// ledgerLock is the advisory lock under which a ledger is made or migrated.
const ledgerLock = 0x70_67_63_6f_70_79_6c // "pgcopyl"

// Prepare makes the ledger if it is missing, gives one of an earlier version its
// scopes, and checks that it can be used. Instances that start together take
// turns.
func (l *Ledger) Prepare(ctx context.Context, pool *conn.Pool) error {
	err := pool.InTransaction(ctx, func(tx pgx.Tx) error {
		table, err := l.find(ctx, tx)
		if err == nil && !table.ready() {
			table, err = l.make(ctx, tx)
		}
		if err != nil {
			return err
		}
		l.deletes.Store(table.deletes)
		var unscoped bool
		err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+l.quoted+" WHERE scope = '')").Scan(&unscoped)
		l.unscoped.Store(unscoped)
		return err
	})
	if err != nil {
		return fmt.Errorf("making the ledger: %w", err)
	}
	return nil
}

// make creates or migrates the ledger, unless another instance has done so
// meanwhile, and returns it.
func (l *Ledger) make(ctx context.Context, tx pgx.Tx) (*found, error) {
	if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1::int8)", l.lockNumber()); err != nil {
		return nil, err
	}
	table, err := l.find(ctx, tx)
	if err != nil || table.ready() {
		return table, err
	}
	statement := l.createStatement()
	if table != nil {
		statement = table.migrateStatement()
		if !table.owned {
			return nil, pgerr.Operatorf("the ledger %s is of an earlier version, and the role %s may not alter it: let its owner run %s", table.name, sqltext.Quote(table.role), statement)
		}
	}
	if _, err = tx.Exec(ctx, statement); err != nil {
		return nil, err
	}
	return l.find(ctx, tx)
}

func (l *Ledger) createStatement() string {
	return `CREATE TABLE IF NOT EXISTS ` + l.quoted + ` (
	scope text NOT NULL,
	channel text NOT NULL,
	part int8 NOT NULL,
	offsets int8multirange NOT NULL,
	bits bit(4096),
	low_watermark int8,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (scope, channel, part)
) WITH (fillfactor = 50)`
}

// migrateStatement keeps what an earlier version has written. What one without
// scopes has written gets the empty scope: its rows may be of several tables, and
// it is not known of which. From then on instances of that version fail to mark, as
// no key is on the channel alone: they store nothing, and acknowledge nothing.
func (f *found) migrateStatement() string {
	changes := []string{"ADD COLUMN bits bit(4096)"}
	if f.unscoped() {
		changes = append(changes, "ADD COLUMN scope text NOT NULL DEFAULT ''", "ADD COLUMN part int8 NOT NULL DEFAULT 0", "ADD COLUMN low_watermark int8", "ADD PRIMARY KEY (scope, channel, part)")
		if f.primaryKey != nil {
			changes = append([]string{"DROP CONSTRAINT " + sqltext.Quote(*f.primaryKey)}, changes...)
		}
	}
	return "ALTER TABLE " + f.name + " " + strings.Join(changes, ", ")
}

// lockNumber is a number for the advisory lock that differs between ledgers.
func (l *Ledger) lockNumber() int64 {
	h := fnv.New64a()
	h.Write([]byte(l.quoted))
	return ledgerLock ^ int64(h.Sum64()>>8)
}

// find returns the table of the ledger's name, nil if there is none, and refuses
// one that is no ledger or cannot be used.
func (l *Ledger) find(ctx context.Context, tx pgx.Tx) (*found, error) {
	rows, err := tx.Query(ctx, ledgerQuery, l.quoted)
	if err != nil {
		return nil, err
	}
	var f found
	tag, err := pgx.ForEachRow(rows, []any{&f.columns, &f.allowed, &f.deletes, &f.owned, &f.primaryKey, &f.role, &f.name}, func() error { return nil })
	switch {
	case err != nil || tag.RowsAffected() == 0:
		return nil, err
	case !f.ready() && !f.unscoped() && !f.withoutBits():
		return nil, pgerr.Operatorf("table %s is not a ledger of postgres_copy, which has the columns scope text, channel text, part int8, offsets int8multirange, bits bit(4096), low_watermark int8 and updated_at timestamptz: name another in `exactly_once.table`", f.name)
	case !f.allowed:
		return nil, pgerr.Operatorf("the role %s may not use the ledger: run GRANT SELECT, INSERT, UPDATE ON %s TO %s", sqltext.Quote(f.role), f.name, sqltext.Quote(f.role))
	}
	return &f, nil
}

// ready reports whether the ledger is there and has all columns.
func (f *found) ready() bool { return f != nil && len(f.columns) == 7 }

// withoutBits reports whether the ledger is one of an earlier version that marked
// ranges only.
func (f *found) withoutBits() bool {
	return len(f.columns) == 6 && !slices.Contains(f.columns, "bits")
}

// unscoped reports whether the ledger is one of the first version.
func (f *found) unscoped() bool {
	return len(f.columns) == 3 && slices.Contains(f.columns, "channel") && slices.Contains(f.columns, "offsets") && slices.Contains(f.columns, "updated_at")
}
