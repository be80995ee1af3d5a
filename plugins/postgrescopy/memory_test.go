package postgrescopy

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// liveHeap is how many bytes are in use. No other test may run meanwhile.
func liveHeap() int {
	var stats runtime.MemStats
	for range 3 { // a pool keeps what it has through two collections
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// This runs by itself, not in parallel.
func TestABatchInFlightTakesTheDocumentedMemory(t *testing.T) {
	const inFlight, rows, text = 4, 10_000, 150
	for _, mode := range []string{"append", "ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			db := newTestDB(t, `CREATE TABLE m (id int8 PRIMARY KEY, at timestamptz, v text, w text CHECK (w <> 'bad'))`)
			o := db.connected(fmt.Sprintf("table: m\nconn_max_open: %d\napplication_name: memory\nwrite_mode: %s", inFlight, mode))
			batches := make([]service.MessageBatch, inFlight)
			for n := range batches {
				list := make([]fields, rows)
				for i := range list {
					list[i] = fields{"id": int64((i*7919)%rows + n*rows), "at": int64(i), "v": strings.Repeat("x", text), "w": "good"}
				}
				list[rows/2]["w"] = "bad"
				batches[n] = batchOf(list...)
			}
			const binary = rows * ((8 + 8 + text + 4) + 4*4 + (8 + 1) + 200)
			const documented = inFlight * (binary*5/4 + 200_000)

			unlock := db.inOtherSession("LOCK TABLE m")
			before := liveHeap()
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			done := make(chan error)
			for _, batch := range batches {
				go func() { done <- o.WriteBatch(ctx, batch) }()
			}
			require.Eventually(t, func() bool {
				return db.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'memory' AND wait_event_type = 'Lock'") == fmt.Sprint(inFlight)
			}, patient, 5*time.Millisecond)
			held := liveHeap() - before
			t.Logf("%d bytes held, %d documented", held, documented)
			assert.LessOrEqual(t, held, documented)
			assert.Greater(t, held, inFlight*rows*text, "the rows are encoded")

			unlock()
			for range inFlight {
				var failed *service.BatchError
				require.ErrorAs(t, <-done, &failed)
				assert.Equal(t, 1, failed.IndexedErrors())
			}
			assert.Equal(t, fmt.Sprint(inFlight*(rows-1)), db.value("SELECT count(*) FROM m"))
			kept := liveHeap() - before
			assert.Less(t, kept, inFlight*500_000, "what stays is the connections")
			runtime.KeepAlive(batches)
		})
	}
}
