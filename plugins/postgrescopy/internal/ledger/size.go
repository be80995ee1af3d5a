package ledger

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// Size returns how many bytes the ledger takes on disk, its index included.
func (l *Ledger) Size(ctx context.Context, pool *conn.Pool) (bytes int64, err error) {
	err = pool.InTransaction(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT pg_catalog.pg_total_relation_size($1::pg_catalog.text::pg_catalog.regclass)", l.quoted).Scan(&bytes)
	})
	return bytes, err
}
