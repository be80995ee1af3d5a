// Package rejected reads what postgres_copy has stored in the table for rejected rows, for programs that send it again.
package rejected

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// Row is a rejected record. What is NULL in the table is empty or zero.
type Row struct {
	ID        string // a UUID
	Stage     string
	Reason    string
	Path      string
	Channel   string
	RowNumber int64
	Header    string // the columns, as a JSON list
	Raw       string
}

// columns are those of Row, in its order.
const columns = `id::text, stage, reason, coalesce(path, ''), coalesce(channel, ''), row_number, coalesce(header, ''), raw`

// fetchRows is how many rows are fetched at once. Each is of 192 KiB at most.
const fetchRows = 200

// Table is a table for rejected rows. One goroutine reads; any may mark.
type Table struct {
	pool   *conn.Pool
	quoted string
	cursor pgx.Tx // open while rows are read
}

// Open connects to the database and finds the table. It tries again until ctx is done where there is no connection.
func Open(ctx context.Context, settings conn.Settings, name string) (*Table, error) {
	settings.MaxOpen, settings.MaxIdle = 2, 0 // one reads, one marks
	pool, err := settings.Open(ctx)
	if err != nil {
		return nil, err
	}
	t := &Table{pool: pool}
	for {
		err = t.find(ctx, name)
		if err == nil {
			return t, nil
		}
		if !pgerr.Classify(ctx, err).Retry() || conn.Sleep(ctx, 200*time.Millisecond) != nil {
			pool.Close()
			return nil, conn.Described(err)
		}
	}
}

// find looks the table up, and its columns.
func (t *Table) find(ctx context.Context, name string) error {
	parsed, err := sqltext.ParseTableName(name)
	if err != nil {
		return err
	}
	return t.pool.InTransaction(ctx, func(tx pgx.Tx) error {
		for _, spelling := range parsed.Spellings() {
			if err := tx.QueryRow(ctx, "SELECT coalesce(pg_catalog.to_regclass($1)::text, '')", spelling).Scan(&t.quoted); err != nil {
				return err
			}
			if t.quoted != "" {
				break
			}
		}
		if t.quoted == "" {
			return pgerr.Operatorf("there is no table %s for rejected rows: correct `rejects`, or run the pipeline once, whose init_files create it", name)
		}
		_, err := tx.Exec(ctx, "SELECT "+columns+", replayed_at, replay_of FROM "+t.quoted+" LIMIT 0")
		if pgErr, ok := pgerr.As(err); ok && pgErr.Code == "42703" {
			return pgerr.Operatorf("table %s: %s: add it as sql/002_rejected_events.sql does", name, pgErr.Message)
		}
		return err
	})
}

// Select begins to read the records that were not sent again yet and for which a condition in SQL holds, if it is not
// empty, in the order in which they were rejected. Rows that are added later are not read. Files that were refused as a
// whole, whose row number is 0, are no records.
func (t *Table) Select(ctx context.Context, where string) error {
	if strings.Contains(where, ";") {
		return errors.New("--where must be one condition, without a semicolon")
	}
	tx, err := t.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return conn.Described(err)
	}
	t.cursor = tx
	query := "SELECT * FROM " + t.quoted + " WHERE replayed_at IS NULL AND row_number > 0 AND raw IS NOT NULL"
	if strings.TrimSpace(where) != "" {
		query = "SELECT * FROM (" + query + ") AS rejected WHERE (" + where + "\n)"
	}
	_, err = tx.Exec(ctx, "DECLARE rejected NO SCROLL CURSOR FOR SELECT "+columns+" FROM ("+query+") AS rejected ORDER BY rejected_at, path, row_number, id")
	if err == nil || where == "" {
		return err
	}
	return fmt.Errorf("--where: %s", pgerr.Describe(err))
}

// Next returns the next rows that were selected, none at the end.
func (t *Table) Next(ctx context.Context) ([]Row, error) {
	rows, err := t.cursor.Query(ctx, fmt.Sprintf("FETCH %d FROM rejected", fetchRows))
	if err != nil {
		return nil, conn.Described(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Row])
	if err != nil {
		return nil, conn.Described(err)
	}
	return found, nil
}

// Mark records that rows were sent again.
func (t *Table) Mark(ctx context.Context, ids []string) error {
	err := t.pool.InTransaction(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE "+t.quoted+" SET replayed_at = now() WHERE id = ANY ($1::text[]::uuid[]) AND replayed_at IS NULL", ids)
		return err
	})
	if err != nil {
		return conn.Described(err)
	}
	return nil
}

// Close ends the reading and closes the connections.
func (t *Table) Close(ctx context.Context) {
	if t.cursor != nil {
		_ = t.cursor.Rollback(ctx) // it has only read
	}
	t.pool.Close()
}
