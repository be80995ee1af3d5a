package load

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// newTestWriter returns a writer to a table of a database of its own, in which
// schema was run.
func newTestWriter(tb testing.TB, name string, mode table.WriteMode, schema string) *Writer {
	tb.Helper()
	settings := conn.Settings{DSN: postgrestest.NewDatabase(tb), MaxOpen: 2}
	pool, err := settings.Open(tb.Context())
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	execute(tb, pool, schema)
	return New(Config{
		Pool: pool, Table: name, Tables: table.Options{Mode: mode},
		Warn: tb.Logf, Retried: func() {}, Blocked: func(time.Time, string) func() { return func() {} },
	})
}

func execute(tb testing.TB, pool *conn.Pool, sql string) {
	tb.Helper()
	require.NoError(tb, pool.InTransaction(tb.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(tb.Context(), sql)
		return err
	}))
}

type fields = map[string]any

func batchOf(name string, rows ...fields) *Batch {
	b := NewBatch(len(rows))
	for i, row := range rows {
		b.Values[i] = copyrows.Values{Fields: row}
	}
	b.Tables = []*TableRows{{Name: name}}
	return b
}

// A row that the server has rejected may be one that is rejected before it is
// sent, once its table was altered. It stays so when bad rows are isolated.
func TestARowThatNoLongerFitsStaysRejected(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newTestWriter(t, "c", table.Append, `CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
		CREATE TABLE c (id int, v int8 CHECK (v < 1000), parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`)
	b := batchOf("c",
		fields{"id": 0, "v": 100_000, "parent": 1}, fields{"id": 1, "v": 1, "parent": 99}, fields{"id": 2, "v": 1, "parent": 1})
	defer b.Release()

	named, err := w.settle(ctx, b, w.attempt(ctx, b), pgerr.BadRow)
	require.NoError(t, err)
	require.True(t, named)
	require.Contains(t, b.Rejected[0].Message, "c_v_check")

	execute(t, w.Pool, "ALTER TABLE c ALTER v TYPE int2")
	require.NoError(t, w.Write(ctx, b))
	assert.Len(t, b.Rejected, 2)
	assert.Contains(t, b.Rejected[0].Message, "smallint")
	assert.Contains(t, b.Rejected[1].Message, "c_parent_fkey")
	var stored []int
	require.NoError(t, w.Pool.QueryRow(ctx, "SELECT array_agg(id) FROM c").Scan(&stored))
	assert.Equal(t, []int{2}, stored)
}

// BenchmarkClient is our own work on a batch once its values were taken out of the
// messages: encoding, sorting, and reading COPY's stream.
func BenchmarkClient(b *testing.B) {
	w := newTestWriter(b, "user_events", table.Ignore, `CREATE TABLE user_events (
		event_id uuid PRIMARY KEY, user_id bigint NOT NULL, session_id uuid, event_type text NOT NULL,
		product_id bigint, product_name text, category text, price numeric(12,2), quantity integer,
		"timestamp" timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`)
	for _, size := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("%d rows", size), func(b *testing.B) {
			rows := make([]fields, size)
			for i := range rows {
				rows[i] = fields{
					"event_id": uuid.Must(uuid.NewV7()).String(), "user_id": int64(i % 5000),
					"session_id": "0198c0de-7b1c-7d2e-8a3f-5b6c7d8e9f01", "event_type": "view",
					"product_id": int64(i % 700), "product_name": "Enchanting Silk Lamp", "category": "Home & Garden",
					"price": 19.99, "quantity": nil, "timestamp": time.Date(2026, 1, 2, 3, 4, 5, i*1e6, time.UTC),
				}
			}
			buf := make([]byte, 65531)
			b.ReportAllocs()
			for b.Loop() {
				batch := batchOf("user_events", rows...)
				if err := w.encode(b.Context(), batch); err != nil || len(batch.Rejected) > 0 {
					b.Fatal(err, batch.Rejected)
				}
				groups, _ := batch.groups(false)
				for _, g := range groups {
					for s := g.stream(); ; {
						if _, err := s.Read(buf); err == io.EOF {
							break
						}
					}
				}
				batch.Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/row")
		})
	}
}
