package load

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/internal/infer"
)

// inferred returns the pipeline that connect infer would write for files, for a table and a database of the caller's.
// The folder, which the caller removes, has the files that it refers to.
func inferred(files []string, dsn, table, state, folder string) ([]byte, error) {
	found, err := infer.Look(files, table)
	if err != nil {
		return nil, err
	}
	written, err := found.Files(folder)
	if err != nil {
		return nil, err
	}
	if err := infer.Write(written, true); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(written[len(written)-1].Path)
	if err != nil {
		return nil, err
	}
	p, err := parsePipeline(text)
	if err != nil {
		return nil, err
	}
	for _, change := range []struct {
		value any
		path  []string
	}{
		{dsn, []string{"output", "postgres_copy", "dsn"}},
		{state, []string{"input", "csv_watch", "checkpoint_dir"}},
	} {
		if err := p.set(change.value, change.path...); err != nil {
			return nil, err
		}
	}
	if err := p.fitExisting(dsn, table); err != nil {
		return nil, err
	}
	edited, err := p.text()
	return []byte(edited), err
}

// fitExisting has a table that is there already keep its own key: rows whose key it has are skipped. Without a key, what
// is stored is known by file and row.
func (p *pipeline) fitExisting(dsn, table string) error {
	exists, keyed, err := lookAtTable(dsn, table)
	if err != nil || !exists {
		return nil //nolint:nilerr // a database that cannot be reached is waited for by the load
	}
	p.remove("output", "postgres_copy", "primary_keys")
	if keyed {
		p.remove("output", "postgres_copy", "exactly_once")
		return p.set("ignore", "output", "postgres_copy", "write_mode")
	}
	p.remove("output", "postgres_copy", "write_mode")
	return p.set(map[string]string{"channel": "${! @csv_channel }", "offset_token": "${! @csv_row }"},
		"output", "postgres_copy", "exactly_once")
}

func lookAtTable(dsn, table string) (exists, keyed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return false, false, fmt.Errorf("looking at the table: %w", err)
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `SELECT t.oid IS NOT NULL, EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = t.oid AND indisprimary)
		FROM (SELECT pg_catalog.to_regclass($1) AS oid) AS t`, pgx.Identifier{table}.Sanitize()).Scan(&exists, &keyed)
	return exists, keyed, err
}
