package csvfiles

import (
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func benchmarkBatch(n int) (batch service.MessageBatch) {
	for i := range n {
		msg := service.NewMessage(nil)
		msg.SetStructuredMut(object{
			"event_id": "0190c6a1-7b1e-7cc8-8f0e-3f0e6a1c2b4d", "user_id": fmt.Sprint(i), "session_id": "0190c6a1-7b1e-7cc8-8f0e-3f0e6a1c2b4e",
			"event_type": "Add_To_Cart", "product_id": "100831", "product_name": `Precision Monitor, 27"`, "category": "computer accessories",
			"price": "219.50", "quantity": "2", "timestamp": "2024-01-31T23:53:10.531Z",
		})
		batch = append(batch, msg)
	}
	return batch
}

const benchmarkColumns = "\ncolumns: [ event_id, user_id, session_id, event_type, product_id, product_name, category, price, quantity, timestamp ]"

// BenchmarkEncode measures the encoding of a file's content, per row.
func BenchmarkEncode(b *testing.B) {
	for name, columns := range map[string]string{"columns": benchmarkColumns, "no columns": ""} {
		b.Run(name, func(b *testing.B) {
			o := newTestOutput(b, "path: x.csv"+columns)
			batch := benchmarkBatch(1_000)
			indexes := make([]int, len(batch))
			for i := range indexes {
				indexes[i] = i
			}
			var buffer []byte
			b.ReportAllocs()
			b.ResetTimer()
			for n := b.N; n > 0; n -= len(batch) {
				buffer, _, _ = o.encode(buffer[:0], batch, indexes)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkWriteBatch measures writing whole files to a real disk, per row.
func BenchmarkWriteBatch(b *testing.B) {
	for _, size := range []int{10, 1_000, 10_000} {
		for _, compression := range []string{"none", "gzip"} {
			b.Run(fmt.Sprintf("rows=%d/compression=%s", size, compression), func(b *testing.B) {
				o := newTestOutput(b, "path: "+b.TempDir()+"/events.csv\ncompression: "+compression+benchmarkColumns)
				batch := benchmarkBatch(size)
				b.ReportAllocs()
				b.ResetTimer()
				for n := b.N; n > 0; n -= size {
					if err := o.WriteBatch(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
