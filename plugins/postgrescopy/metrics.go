package postgrescopy

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
)

// outputMetrics are what an operator may want to know beyond what the engine
// counts for every output.
type outputMetrics struct {
	written    *service.MetricCounter
	rejected   *service.MetricCounter
	duplicates *service.MetricCounter
	filtered   *service.MetricCounter
	bytes      *service.MetricCounter
	batches    *service.MetricCounter
	retries    *service.MetricCounter
	latency    *service.MetricTimer
	pool       *service.MetricGauge
	ledger     *service.MetricGauge
	up         *service.MetricGauge // 1 while the database is there
	reconnects *service.MetricCounter
	lockWaits  *service.MetricCounter
	partitions *service.MetricGauge // Unix time up to which there are partitions; not set for other tables

	awaitingLock *service.MetricGauge // batches that wait for a lock now

	writing spent // time with at least one batch under way
	full    spent // time with as many batches under way as there may be
}

// newOutputMetrics makes the metrics. Counters begin at zero rather than with
// their first increment, so that a rate is seen from the first one on.
func newOutputMetrics(m *service.Metrics) *outputMetrics {
	o := &outputMetrics{
		written:    m.NewCounter("postgres_copy_rows_written_total"),
		rejected:   m.NewCounter("postgres_copy_rows_rejected_total", "reason"),
		duplicates: m.NewCounter("postgres_copy_rows_skipped_total", "reason"),
		filtered:   m.NewCounter("postgres_copy_rows_filtered_total"),
		bytes:      m.NewCounter("postgres_copy_written_bytes_total"),
		batches:    m.NewCounter("postgres_copy_batches_total"),
		retries:    m.NewCounter("postgres_copy_retries_total"),
		latency:    m.NewTimer("postgres_copy_latency_ns"),
		pool:       m.NewGauge("postgres_copy_connections", "state"),
		ledger:     m.NewGauge("postgres_copy_ledger_bytes"),
		up:         m.NewGauge("postgres_copy_up"),
		reconnects: m.NewCounter("postgres_copy_reconnects_total"),
		lockWaits:  m.NewCounter("postgres_copy_lock_waits_total"),
		partitions: m.NewGauge("postgres_copy_partitions_until_timestamp_seconds"),

		awaitingLock: m.NewGauge("postgres_copy_batches_awaiting_lock"),

		writing: spent{counter: m.NewCounter("postgres_copy_writing_seconds_total")},
		full:    spent{counter: m.NewCounter("postgres_copy_saturated_seconds_total")},
	}
	for _, counter := range []*service.MetricCounter{o.written, o.filtered, o.bytes, o.batches, o.retries, o.reconnects, o.lockWaits, o.writing.counter, o.full.counter} {
		counter.Incr(0)
	}
	o.up.Set(0)
	o.duplicates.Incr(0, "key")
	o.duplicates.Incr(0, "ledger")
	return o
}

// spent passes on a sum of time as a counter of seconds.
type spent struct {
	counter *service.MetricCounter

	mu     sync.Mutex
	passed time.Duration
}

func (s *spent) pass(sum time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more := sum - s.passed; more > 0 {
		s.counter.IncrFloat64(more.Seconds())
		s.passed = sum
	}
}

// committed counts a batch that is done, and how long it took.
func (m *outputMetrics) committed(b *load.Batch, took time.Duration, pool *conn.Pool) {
	m.batches.Incr(1)
	m.written.Incr(int64(b.Result.Written))
	m.bytes.Incr(int64(b.Result.Bytes))
	m.latency.Timing(took.Nanoseconds())
	if b.Result.Duplicates > 0 {
		m.duplicates.Incr(int64(b.Result.Duplicates), "key")
	}
	if b.Result.Skipped > 0 {
		m.duplicates.Incr(int64(b.Result.Skipped), "ledger")
	}
	if b.Result.Filtered > 0 {
		m.filtered.Incr(int64(b.Result.Filtered))
	}
	for _, r := range b.Rejected {
		m.rejected.Incr(1, r.Kind)
	}
	stat := pool.Stat()
	m.pool.Set(int64(stat.AcquiredConns()), "in_use")
	m.pool.Set(int64(stat.IdleConns()), "idle")
	m.pool.Set(int64(stat.MaxConns()), "max")
}
