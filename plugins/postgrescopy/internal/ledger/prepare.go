package ledger

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

const ledgerQuery = `
SELECT count(*) FILTER (WHERE (a.attname, a.atttypid::pg_catalog.regtype::text) IN (('channel', 'text'), ('offsets', 'int8multirange'), ('updated_at', 'timestamp with time zone'))),
	pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE'),
	current_user, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = pg_catalog.to_regclass($1::text)
GROUP BY c.oid, n.nspname, c.relname`

// Prepare makes the ledger if it is missing, and checks the one that is there.
// Instances that start together take turns.
func (l *Ledger) Prepare(ctx context.Context, pool *conn.Pool) error {
	err := pool.InTransaction(ctx, func(tx pgx.Tx) error {
		found, err := l.check(ctx, tx)
		if err != nil || found {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1::int8)", l.lockNumber()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, l.createStatement()); err != nil {
			return err
		}
		_, err = l.check(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("making the ledger: %w", err)
	}
	return nil
}

// lockNumber is a number for the advisory lock that differs between ledgers.
func (l *Ledger) lockNumber() int64 {
	h := fnv.New64a()
	h.Write([]byte(l.quoted))
	return ledgerLock ^ int64(h.Sum64()>>8)
}

// check reports whether the ledger is there, and refuses a table that is not one.
func (l *Ledger) check(ctx context.Context, tx pgx.Tx) (found bool, err error) {
	var columns int
	var allowed bool
	var role, name string
	rows, err := tx.Query(ctx, ledgerQuery, l.quoted)
	if err != nil {
		return false, err
	}
	_, err = pgx.ForEachRow(rows, []any{&columns, &allowed, &role, &name}, func() error { found = true; return nil })
	switch {
	case err != nil || !found:
		return false, err
	case columns < 3:
		return false, pgerr.Operatorf("table %s is not a ledger of postgres_copy, which has the columns channel text, offsets int8multirange and updated_at timestamptz: name another in `exactly_once.table`", name)
	case !allowed:
		return false, pgerr.Operatorf("the role %s may not use the ledger: run GRANT SELECT, INSERT, UPDATE ON %s TO %s", sqltext.Quote(role), name, sqltext.Quote(role))
	}
	return true, nil
}
