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
	latency  *service.MetricTimer
	up       *service.MetricGauge // 1 while the files are watched
	counters []counter
	gauges   []gauge
}

type counter struct {
	metric *service.MetricCounter
	value  func(*watch.Figures) float64
	passed float64
}

type gauge struct {
	metric *service.MetricGauge
	value  func(*watch.Figures) int64
}

// newMeter makes the metrics; their names stand in the documentation of the input.
func newMeter(m *service.Metrics) *meter {
	count := func(name string, value func(*watch.Figures) int64) counter {
		return counter{m.NewCounter("csv_watch_" + name), func(f *watch.Figures) float64 { return float64(value(f)) }, 0}
	}
	spent := func(name string, value func(*watch.Figures) time.Duration) counter {
		return counter{m.NewCounter("csv_watch_" + name), func(f *watch.Figures) float64 { return value(f).Seconds() }, 0}
	}
	measure := func(name string, value func(*watch.Figures) int64) gauge {
		return gauge{m.NewGauge("csv_watch_" + name), value}
	}
	meter := &meter{
		latency: m.NewTimer("csv_watch_latency_ns"),
		up:      m.NewGauge("csv_watch_up"),
		counters: []counter{
			count("files_discovered_total", func(f *watch.Figures) int64 { return f.Discovered }),
			count("files_finished_total", func(f *watch.Figures) int64 { return f.Finished }),
			count("files_cleaned_total", func(f *watch.Figures) int64 { return f.Cleaned }),
			count("files_failed_total", func(f *watch.Figures) int64 { return f.Failed }),
			count("rows_read_total", func(f *watch.Figures) int64 { return f.Rows }),
			count("rows_bad_total", func(f *watch.Figures) int64 { return f.BadRows }),
			count("rows_acked_total", func(f *watch.Figures) int64 { return f.Acked }),
			count("headers_skipped_total", func(f *watch.Figures) int64 { return f.Headers }),
			count("read_bytes_total", func(f *watch.Figures) int64 { return f.Bytes }),
			count("checkpoint_failures_total", func(f *watch.Figures) int64 { return f.SaveFailures }),
			spent("awaiting_files_seconds_total", func(f *watch.Figures) time.Duration { return f.AwaitingFiles }),
		},
		gauges: []gauge{
			measure("files_known", func(f *watch.Figures) int64 { return int64(f.Known) }),
			measure("files_open", func(f *watch.Figures) int64 { return int64(f.Open) }),
			measure("files_refused", func(f *watch.Figures) int64 { return int64(f.Refused) }),
			measure("files_waiting", func(f *watch.Figures) int64 { return int64(f.Waiting) }),
			measure("rows_unacked", func(f *watch.Figures) int64 { return int64(f.Unacked) }),
			measure("backlog_bytes", func(f *watch.Figures) int64 { return f.Backlog }),
			measure("oldest_unread_seconds", func(f *watch.Figures) int64 { return int64(f.OldestUnread / time.Second) }),
		},
	}
	meter.up.Set(0)
	for i := range meter.counters {
		meter.counters[i].metric.Incr(0) // so that a rate is seen from the first increment on
	}
	return meter
}

// pass brings the metrics up to date.
func (m *meter) pass(f watch.Figures) {
	for i := range m.counters {
		c := &m.counters[i]
		if now := c.value(&f); now != c.passed {
			c.metric.IncrFloat64(now - c.passed)
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
