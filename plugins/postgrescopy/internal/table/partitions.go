package table

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
)

// partitionsQuery returns the number of seconds since 1970 up to which every time from
// now on has a partition. It returns no row for a table that is not partitioned by
// ranges of one column of times. The year 9999 stands for a partition without an end.
const partitionsQuery = `
WITH ranged AS (
	SELECT p.partrelid FROM pg_catalog.pg_partitioned_table p
	JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
	WHERE p.partrelid = pg_catalog.to_regclass($1::text) AND p.partstrat = 'r' AND p.partnatts = 1
	AND a.atttypid IN ('pg_catalog.date'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype, 'pg_catalog.timestamptz'::pg_catalog.regtype)
), bounds AS MATERIALIZED (
	SELECT pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
		'^FOR VALUES FROM \((?:MINVALUE|''(.*)'')\) TO \((?:MAXVALUE|''(.*)'')\)$') AS b
	FROM ranged r JOIN pg_catalog.pg_inherits i ON i.inhparent = r.partrelid JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
), parts AS MATERIALIZED (
	SELECT coalesce(b[1], '-infinity')::timestamptz AS low, coalesce(b[2], '9999-12-31')::timestamptz AS high
	FROM bounds WHERE b IS NOT NULL
)
SELECT extract(epoch FROM min(t.at))::float8
FROM (SELECT pg_catalog.now() UNION ALL SELECT high FROM parts) AS t (at)
WHERE t.at >= pg_catalog.now() AND EXISTS (SELECT FROM ranged)
AND NOT EXISTS (SELECT FROM parts WHERE low <= t.at AND t.at < high)
HAVING count(*) > 0`

// PartitionsUntil returns the time up to which every time from now on has a partition
// of the named table. It returns false for a table that is not partitioned by ranges
// of time.
func PartitionsUntil(ctx context.Context, pool *conn.Pool, name string) (until time.Time, found bool, err error) {
	err = pool.InTransaction(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, partitionsQuery, name)
		if err != nil {
			return err
		}
		seconds, err := pgx.CollectRows(rows, pgx.RowTo[float64])
		if found = len(seconds) == 1; found {
			until = time.Unix(int64(seconds[0]), 0)
		}
		return err
	})
	if err != nil {
		return until, false, fmt.Errorf("reading the partitions of %s: %w", name, err)
	}
	return until, found, nil
}
