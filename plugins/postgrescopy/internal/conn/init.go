package conn

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// initLock is the advisory lock under which the statements of init_files and
// init_statement are run, so that instances that start together take turns.
const initLock = 0x70_67_63_6f_70_79_69 // "pgcopyi"

// InitScript is the SQL of one init file, or of init_statement.
type InitScript struct {
	Name string // the file's path, or the field's name
	SQL  string
}

// ReadInitScripts reads the files, in their order, and puts the statement
// behind them.
func ReadInitScripts(files []string, statement string, read func(path string) ([]byte, error)) ([]InitScript, error) {
	var scripts []InitScript
	for _, path := range files {
		sql, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("reading an init file: %w", err)
		}
		scripts = append(scripts, InitScript{path, string(sql)})
	}
	if statement != "" {
		scripts = append(scripts, InitScript{"init_statement", statement})
	}
	return scripts, nil
}

// RunInitScripts runs them all in one transaction.
func (p *Pool) RunInitScripts(ctx context.Context, scripts []InitScript) error {
	if len(scripts) == 0 {
		return nil
	}
	return p.InTransaction(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1::int8)", int64(initLock)); err != nil {
			return fmt.Errorf("taking the lock for init statements: %w", err)
		}
		for _, script := range scripts {
			if _, err := tx.Conn().PgConn().Exec(ctx, script.SQL).ReadAll(); err != nil {
				return fmt.Errorf("running %s: %w", script.Name, err)
			}
		}
		return nil
	})
}
