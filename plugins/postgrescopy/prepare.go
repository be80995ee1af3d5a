package postgrescopy

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// initLock is the advisory lock under which the statements of init_files and
// init_statement are run, so that instances that start together take turns.
const initLock = 0x70_67_63_6f_70_79_69 // "pgcopyi"

// initScript is the SQL of one init file, or of init_statement.
type initScript struct {
	name string // the file's path, or the field's name
	sql  string
}

// readInitScripts reads the files, in their order, and puts the statement
// behind them.
func readInitScripts(files []string, statement string, read func(path string) ([]byte, error)) ([]initScript, error) {
	var scripts []initScript
	for _, path := range files {
		sql, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("reading an init file: %w", err)
		}
		scripts = append(scripts, initScript{path, string(sql)})
	}
	if statement != "" {
		scripts = append(scripts, initScript{"init_statement", statement})
	}
	return scripts, nil
}

// runInitScripts runs them all in one transaction.
func runInitScripts(ctx context.Context, pool *pgxpool.Pool, settings string, scripts []initScript) error {
	if len(scripts) == 0 {
		return nil
	}
	return inTransaction(ctx, pool, settings, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1::int8)", int64(initLock)); err != nil {
			return fmt.Errorf("taking the lock for init statements: %w", err)
		}
		for _, script := range scripts {
			if _, err := tx.Conn().PgConn().Exec(ctx, script.sql).ReadAll(); err != nil {
				return fmt.Errorf("running %s: %w", script.name, err)
			}
		}
		return nil
	})
}

const ledgerQuery = `
SELECT count(*) FILTER (WHERE (a.attname, a.atttypid::pg_catalog.regtype::text) IN (('channel', 'text'), ('offsets', 'int8multirange'), ('updated_at', 'timestamp with time zone'))),
	pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'UPDATE'),
	current_user, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = pg_catalog.to_regclass($1::text)
GROUP BY c.oid, n.nspname, c.relname`

// makeLedger makes the ledger, if there is to be one and it is missing, and checks the one that is
// there. Instances that start together take turns.
func (w *writer) makeLedger(ctx context.Context) error {
	if w.ledger == nil {
		return nil
	}
	err := inTransaction(ctx, w.pool, w.settings, func(tx pgx.Tx) error {
		found, err := w.ledger.check(ctx, tx)
		if err != nil || found {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1::int8)", w.ledger.lockNumber()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, w.ledger.createStatement()); err != nil {
			return err
		}
		_, err = w.ledger.check(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("making the ledger: %w", err)
	}
	return nil
}

// lockNumber is a number for the advisory lock that differs between ledgers.
func (l *ledger) lockNumber() int64 {
	h := fnv.New64a()
	h.Write([]byte(l.quoted))
	return ledgerLock ^ int64(h.Sum64()>>8)
}

// check says whether the ledger is there, and refuses a table that is not one.
func (l *ledger) check(ctx context.Context, tx pgx.Tx) (found bool, err error) {
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
		return false, &configError{fmt.Sprintf("table %s is not a ledger of postgres_copy, which has the columns channel text, offsets int8multirange and updated_at timestamptz: name another in `exactly_once.table`", name)}
	case !allowed:
		return false, &configError{fmt.Sprintf("the role %s may not use the ledger: run GRANT SELECT, INSERT, UPDATE ON %s TO %s", quoteName(role), name, quoteName(role))}
	}
	return true, nil
}
