package csvwatch

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// metricsEvery is how often metrics are brought up to date.
const metricsEvery = time.Second

// meter passes figures on as metrics.
type meter struct {
	counters []counter
	gauges   []gauge
}

type counter struct {
	metric *service.MetricCounter
	value  func(*watch.Figures) int64
	passed int64
}

type gauge struct {
	metric *service.MetricGauge
	value  func(*watch.Figures) int64
}

// newMeter makes the metrics; their names stand in the documentation of the input.
func newMeter(m *service.Metrics) *meter {
	count := func(name string, value func(*watch.Figures) int64) counter {
		return counter{metric: m.NewCounter("csv_watch_" + name), value: value}
	}
	measure := func(name string, value func(*watch.Figures) int64) gauge {
		return gauge{m.NewGauge("csv_watch_" + name), value}
	}
	return &meter{
		counters: []counter{
			count("files_discovered", func(f *watch.Figures) int64 { return f.Discovered }),
			count("files_finished", func(f *watch.Figures) int64 { return f.Finished }),
			count("files_cleaned", func(f *watch.Figures) int64 { return f.Cleaned }),
			count("files_failed", func(f *watch.Figures) int64 { return f.Failed }),
			count("rows_read", func(f *watch.Figures) int64 { return f.Rows }),
			count("rows_bad", func(f *watch.Figures) int64 { return f.BadRows }),
			count("headers_skipped", func(f *watch.Figures) int64 { return f.Headers }),
			count("rows_acked", func(f *watch.Figures) int64 { return f.Acked }),
			count("bytes_read", func(f *watch.Figures) int64 { return f.Bytes }),
			count("checkpoint_failures", func(f *watch.Figures) int64 { return f.SaveFailures }),
		},
		gauges: []gauge{
			measure("files_known", func(f *watch.Figures) int64 { return int64(f.Known) }),
			measure("files_open", func(f *watch.Figures) int64 { return int64(f.Open) }),
			measure("files_waiting", func(f *watch.Figures) int64 { return int64(f.Waiting) }),
			measure("rows_unacked", func(f *watch.Figures) int64 { return int64(f.Unacked) }),
			measure("backlog_bytes", func(f *watch.Figures) int64 { return f.Backlog }),
			measure("oldest_unread_seconds", func(f *watch.Figures) int64 { return int64(f.OldestUnread / time.Second) }),
		},
	}
}

// pass brings the metrics up to date.
func (m *meter) pass(f watch.Figures) {
	for i := range m.counters {
		c := &m.counters[i]
		if now := c.value(&f); now != c.passed {
			c.metric.Incr(now - c.passed)
			c.passed = now
		}
	}
	for i := range m.gauges {
		m.gauges[i].metric.Set(m.gauges[i].value(&f))
	}
}

// run brings the metrics up to date until the context ends.
func (m *meter) run(ctx context.Context, w *watch.Watcher) {
	tick := time.NewTicker(metricsEvery)
	defer tick.Stop()
	for {
		m.pass(w.Figures())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
