package postgrescopy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// load writes batches of a channel whose input had all acknowledged but the last
// few batches, without the messages that keep does not admit.
func (o *testOutput) load(batches, size int, watermark bool, keep func(offset int) bool) time.Duration {
	o.tb.Helper()
	const inFlight = 3
	row := fields{"v": 1}
	started := time.Now()
	for n := range batches {
		var batch service.MessageBatch
		for offset := n * size; offset < (n+1)*size; offset++ {
			if !keep(offset) {
				continue
			}
			m := service.NewMessage(nil)
			m.SetStructured(row)
			m.MetaSetMut("channel", "c")
			m.MetaSetMut("csv_row", int64(offset))
			if watermark {
				m.MetaSetMut("csv_low_watermark", int64(max(0, n-inFlight)*size))
			}
			batch = append(batch, m)
		}
		require.NoError(o.tb, o.WriteBatch(context.Background(), batch))
	}
	return time.Since(started)
}

//promise:gaps-are-cheap
func TestGapsKeepTheLedgerSmall(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for name, keep := range map[string]func(int) bool{
		"a tenth filtered":      func(offset int) bool { return offset*7919%10 != 0 },
		"every second offset":   func(offset int) bool { return offset%2 == 0 },
		"most of them filtered": func(offset int) bool { return offset%100 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, `CREATE TABLE v (v int)`)
			o := db.connected("table: v" + csvOnceYAML)
			o.load(200, 1000, true, keep)
			size, err := strconv.Atoi(db.value("SELECT pg_total_relation_size('postgres_copy_ledger')"))
			require.NoError(t, err)
			assert.Less(t, size, 1<<20)
			ranges, err := strconv.Atoi(db.value("SELECT count(*) FROM postgres_copy_ledger, unnest(offsets)"))
			require.NoError(t, err)
			assert.LessOrEqual(t, ranges, 4*500+1, "only the last batches have gaps")
		})
	}
}

// TestOffsetsWithGapsAreStoredOnce sends batches that overlap, as ranges and with
// gaps, through two outputs at once, while the low watermark moves.
func TestOffsetsWithGapsAreStoredOnce(t *testing.T) {
	t.Parallel()
	const withoutWatermark = "  low_watermark: '${! \"\" }'\n"
	for name, second := range map[string]string{"all with a low watermark": "", "some without": withoutWatermark} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, `CREATE TABLE v (v int)`)
			outputs := []*testOutput{db.connected("table: v" + csvOnceYAML), db.connected("table: v" + csvOnceYAML + second)}
			random := rand.New(rand.NewPCG(1, 2))
			sent := map[int]bool{}
			for round := range 8 {
				low := round * 5_000
				var wg sync.WaitGroup
				for n := range 8 {
					step, first := 1+random.IntN(4), low+random.IntN(9_000)
					rows := values(first, first+1+random.IntN(3_000))
					keep := func(offset int) bool { return (offset-first)%step == 0 }
					for i := range rows {
						if keep(first + i) {
							sent[first+i] = true
						}
					}
					wg.Go(func() { assert.Empty(t, outputs[n%2].writeBatch(filtered("c", first, low, keep, rows...))) })
				}
				wg.Wait()
			}
			assert.Equal(t, fmt.Sprintf("%d|%d", len(sent), len(sent)), db.value("SELECT count(*), count(DISTINCT v) FROM v"))
		})
	}
}

func TestBitsBelowTheLowWatermarkAreDeleted(t *testing.T) {
	t.Parallel()
	for name, grants := range map[string]string{"by a role that may": "SELECT, INSERT, UPDATE, DELETE", "not by one that may not": "SELECT, INSERT, UPDATE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, `CREATE TABLE v (v int)`)
			require.NoError(t, db.connected("table: v"+csvOnceYAML).Close(context.Background())) // makes the ledger
			dsn, role := db.asRole()
			db.exec("GRANT INSERT, SELECT ON v TO " + role + "; GRANT " + grants + " ON postgres_copy_ledger TO " + role)
			o := newTestOutput(t, dsn, "table: v"+csvOnceYAML)
			require.NoError(t, o.Connect(context.Background()))
			o.load(50, 1000, true, func(offset int) bool { return offset%2 == 0 })
			rows := "13" // as many as there are parts
			if name == "by a role that may" {
				rows = "3" // of part 0, and of the parts of the last batches
			}
			assert.Equal(t, rows, db.value("SELECT count(*) FROM postgres_copy_ledger"))
			assert.Equal(t, "25000", db.value("SELECT count(*) FROM v"))
		})
	}
}

func TestALedgerOfManyPartsIsReadByKey(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]int{"among them": 4096 * 100, "behind them": 4096 * 200_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, `CREATE TABLE v (v int)`)
			o := db.connected("table: v" + csvOnceYAML) // makes the ledger
			require.NoError(t, o.Close(context.Background()))
			db.exec(`INSERT INTO postgres_copy_ledger (scope, channel, part, offsets)
				SELECT '"public"."v"', 'c', part, int8multirange(int8range(part * 4096, part * 4096 + 1)) FROM generate_series(1, 20000) AS part;
				ANALYZE postgres_copy_ledger`)
			var batch service.MessageBatch
			for n := range 200 { // each in a part of its own
				m := service.NewMessage(nil)
				m.SetStructured(fields{"v": n})
				m.MetaSetMut("channel", "c")
				m.MetaSetMut("csv_row", int64(offset+n*4096+1))
				batch = append(batch, m)
			}
			for range 2 { // and again, as after a crash
				o := db.connected("table: v" + csvOnceYAML)
				require.NoError(t, o.WriteBatch(context.Background(), batch))
				assert.Equal(t, "200", db.value("SELECT count(*) FROM v"))
				require.NoError(t, o.Close(context.Background())) // the server counts what a session did when it ends
			}
			require.Eventually(t, func() bool {
				return db.value("SELECT idx_scan >= 400 FROM pg_stat_user_tables WHERE relname = 'postgres_copy_ledger'") == "t"
			}, patient, 50*time.Millisecond)
			assert.Equal(t, "t", db.value("SELECT seq_tup_read < 4 * 20000 FROM pg_stat_user_tables WHERE relname = 'postgres_copy_ledger'"), "the ledger is not read whole")
		})
	}
}

// BenchmarkGaps writes rows through the ledger with and without gaps.
func BenchmarkGaps(b *testing.B) {
	for _, watermark := range []bool{true, false} {
		for name, keep := range map[string]func(int) bool{
			"none":  func(int) bool { return true },
			"tenth": func(offset int) bool { return offset*7919%10 != 0 },
			"half":  func(offset int) bool { return offset%2 == 0 },
		} {
			b.Run(fmt.Sprintf("watermark=%t/gaps=%s", watermark, name), func(b *testing.B) {
				db := newLedgerDB(b, `CREATE UNLOGGED TABLE v (v int)`)
				o := db.connected("table: v" + csvOnceYAML)
				const size = 1000
				b.ResetTimer()
				took := o.load(b.N, size, watermark, keep)
				b.ReportMetric(float64(b.N*size)/took.Seconds(), "offsets/s")
				b.ReportMetric(mustFloat(b, db.value("SELECT pg_total_relation_size('postgres_copy_ledger')")), "ledger-bytes")
			})
		}
	}
}

func mustFloat(tb testing.TB, s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	require.NoError(tb, err)
	return f
}
