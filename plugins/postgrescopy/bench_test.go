package postgrescopy

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const eventsTable = `CREATE TABLE user_events (
	event_id uuid PRIMARY KEY, user_id bigint NOT NULL, session_id uuid, event_type text NOT NULL,
	product_id bigint, product_name text, category text, price numeric(12,2), quantity integer,
	"timestamp" timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`

var eventTime = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// events are rows as the shop's mapping leaves them: ten columns of strings,
// numbers and a timestamp.
func events(n int) []fields {
	rows := make([]fields, n)
	for i := range rows {
		rows[i] = fields{
			"event_id": uuid.Must(uuid.NewV7()).String(), "user_id": int64(i % 5000),
			"session_id": "0198c0de-7b1c-7d2e-8a3f-5b6c7d8e9f01", "event_type": "view",
			"product_id": int64(i % 700), "product_name": "Enchanting Silk Lamp", "category": "Home & Garden",
			"price": 19.99, "quantity": nil, "timestamp": eventTime.Add(time.Duration(i) * time.Millisecond),
		}
	}
	return rows
}

func benchTarget(b *testing.B, yaml string) (*testDB, *testOutput) {
	b.Helper()
	db := newTestDB(b, eventsTable)
	o := db.connected("table: user_events\n" + yaml)
	return db, o
}

// BenchmarkMessages is what it takes to take values and offsets out of messages.
func BenchmarkMessages(b *testing.B) {
	for name, yaml := range map[string]string{
		"values": "", "values and offsets": onceYAML,
		"mapped": "mapping: 'root = this\n\n  root.event_type = this.event_type.lowercase()'",
	} {
		b.Run(name, func(b *testing.B) {
			_, o := benchTarget(b, yaml)
			batch := numbered("files/0198c0de-7b1c-7d2e-8a3f-5b6c7d8e9f01", 1, events(1000)...)
			b.ReportAllocs()
			for b.Loop() {
				o.conf.newBatch(batch).Release()
			}
		})
	}
}

// BenchmarkWriteBatch is a batch with everything, to a server on the same
// machine.
func BenchmarkWriteBatch(b *testing.B) {
	for _, mode := range []string{"append", "ignore", "upsert"} {
		for _, size := range []int{10, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d rows", mode, size), func(b *testing.B) {
				_, o := benchTarget(b, "write_mode: "+mode)
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					batch := batchOf(events(size)...)
					b.StartTimer()
					require.NoError(b, o.WriteBatch(context.Background(), batch))
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/row")
			})
		}
	}
}

// BenchmarkDuplicates is the cost of ignore and upsert, in batches of 1000 rows,
// by the share of rows whose key the table has already.
func BenchmarkDuplicates(b *testing.B) {
	const size = 1000
	for _, c := range []struct {
		mode    string
		percent int
	}{
		{"append", 0}, {"ignore", 0}, {"upsert", 0}, {"ignore", 1}, {"upsert", 1},
		{"ignore", 50}, {"upsert", 50}, {"ignore", 100}, {"upsert", 100},
	} {
		b.Run(fmt.Sprintf("%s/%d percent", c.mode, c.percent), func(b *testing.B) {
			_, o := benchTarget(b, "write_mode: "+c.mode)
			before := events(size)
			require.NoError(b, o.WriteBatch(context.Background(), batchOf(before...)))
			for b.Loop() {
				b.StopTimer()
				rows := events(size)
				for i := range size * c.percent / 100 {
					rows[i*100/c.percent]["event_id"] = before[i]["event_id"]
				}
				batch := batchOf(rows...)
				b.StartTimer()
				require.NoError(b, o.WriteBatch(context.Background(), batch))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/row")
		})
	}
}

// BenchmarkBadRows is the cost of a batch of 10,000 rows of which some are bad.
func BenchmarkBadRows(b *testing.B) {
	const size = 10000
	for _, kind := range faultKinds {
		if kind.name != "by type" && kind.name != "by check constraint" && kind.name != "by foreign key" && kind.name != "by unique key" {
			continue
		}
		for _, bad := range []int{0, 1, 100, 5000} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, bad), func(b *testing.B) {
				db := newTestDB(b, faultyTable, kind.schema)
				o := db.connected("table: t\ncolumns: [ n, parent, u, id ]")
				rows, wrong := spoiled(size, bad, kind.spoil)
				for b.Loop() {
					b.StopTimer()
					db.exec("DELETE FROM t WHERE id >= 0")
					db.exec("VACUUM t")
					batch := batchOf(rows...)
					b.StartTimer()
					if err := o.WriteBatch(context.Background(), batch); (err == nil) != (len(wrong) == 0) {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkExactlyOnce is what the ledger costs, in batches of 1000 rows into a
// table without a key.
func BenchmarkExactlyOnce(b *testing.B) {
	const size = 1000
	for name, yaml := range map[string]string{"without": "", "with": onceYAML} {
		b.Run(name, func(b *testing.B) {
			db, o := benchTarget(b, yaml)
			db.exec("ALTER TABLE user_events DROP CONSTRAINT user_events_pkey")
			at := 0
			for b.Loop() {
				b.StopTimer()
				batch := numbered("a", at, events(size)...)
				at += size
				b.StartTimer()
				require.NoError(b, o.WriteBatch(context.Background(), batch))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/row")
		})
	}
}

var _ service.BatchOutput = (*copyOutput)(nil)
