package postgrescopy

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// outputMetrics are what an operator may want to know beyond what the engine
// counts for every output.
type outputMetrics struct {
	written    *service.MetricCounter
	rejected   *service.MetricCounter
	duplicates *service.MetricCounter
	bytes      *service.MetricCounter
	batches    *service.MetricCounter
	retries    *service.MetricCounter
	latency    *service.MetricTimer
	pool       *service.MetricGauge
}

func newOutputMetrics(m *service.Metrics) *outputMetrics {
	return &outputMetrics{
		written:    m.NewCounter("postgres_copy_rows_written"),
		rejected:   m.NewCounter("postgres_copy_rows_rejected", "reason"),
		duplicates: m.NewCounter("postgres_copy_rows_skipped", "reason"),
		bytes:      m.NewCounter("postgres_copy_bytes"),
		batches:    m.NewCounter("postgres_copy_batches"),
		retries:    m.NewCounter("postgres_copy_retries"),
		latency:    m.NewTimer("postgres_copy_latency_ns"),
		pool:       m.NewGauge("postgres_copy_connections", "state"),
	}
}

// committed counts a job that is done, and how long it took.
func (m *outputMetrics) committed(j *job, took time.Duration, pool *pgxpool.Pool) {
	m.batches.Incr(1)
	m.written.Incr(int64(j.result.written))
	m.bytes.Incr(int64(j.result.bytes))
	m.latency.Timing(took.Nanoseconds())
	if j.result.duplicates > 0 {
		m.duplicates.Incr(int64(j.result.duplicates), "key")
	}
	if j.result.skipped > 0 {
		m.duplicates.Incr(int64(j.result.skipped), "ledger")
	}
	for _, r := range j.rejected {
		m.rejected.Incr(1, r.class)
	}
	stat := pool.Stat()
	m.pool.Set(int64(stat.AcquiredConns()), "in_use")
	m.pool.Set(int64(stat.IdleConns()), "idle")
	m.pool.Set(int64(stat.MaxConns()), "max")
}
