//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// spread is a figure's smallest, middle and largest value over the rounds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// String returns the median with the smallest and the largest value; a dash for none.
func (s *spread) String() string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%.3f (%.3f–%.3f)", s.Median, s.Min, s.Max)
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		middle = (middle + sorted[len(sorted)/2-1]) / 2
	}
	return spread{sorted[0], middle, sorted[len(sorted)-1]}
}

// way is what one contender needed.
type way struct {
	Data          string  `json:"data"`
	Name          string  `json:"name"`
	WallSeconds   spread  `json:"wall_seconds"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ClientSeconds spread  `json:"client_cpu_seconds"`
	ClientMicros  float64 `json:"client_cpu_microseconds_per_row"`
	ServerSeconds spread  `json:"server_cpu_seconds"`
	ServerMicros  float64 `json:"server_cpu_microseconds_per_row"`
	WALBytes      float64 `json:"wal_bytes_per_row"`
	PeakMegabytes spread  `json:"peak_memory_megabytes"`
	// WallToOurs and ClientToOurs are the medians of the rounds' ratios, so that a machine whose speed drifts from
	// round to round does not blur them.
	WallToOurs   *spread `json:"wall_ratio_to_ours,omitempty"`
	ClientToOurs *spread `json:"client_cpu_ratio_to_ours,omitempty"`

	samples []sample
}

type results struct {
	Scale        []*scaleCost `json:"scale,omitempty"`
	ScaleLatency []delays     `json:"scale_latency,omitempty"`

	Rows    int      `json:"rows"`
	Rounds  int      `json:"rounds"`
	Seed    uint64   `json:"seed"`
	Cores   int      `json:"cores"`
	Go      string   `json:"go"`
	Ways    []*way   `json:"ways,omitempty"`
	Latency []delays `json:"latency,omitempty"`
	// SparkLatency is that of the Spark job.
	SparkLatency *delays   `json:"spark_latency,omitempty"`
	Idle         *idleCost `json:"idle,omitempty"`
}

func newResults(o options) *results {
	return &results{Rows: o.rows, Rounds: o.rounds, Seed: o.seed, Cores: runtime.NumCPU(), Go: runtime.Version()}
}

func (r *results) add(data, name string, s sample) {
	i := slices.IndexFunc(r.Ways, func(w *way) bool { return w.Data == data && w.Name == name })
	if i < 0 {
		i = len(r.Ways)
		r.Ways = append(r.Ways, &way{Data: data, Name: name})
	}
	r.Ways[i].samples = append(r.Ways[i].samples, s)
	r.summarise()
}

func (r *results) summarise() {
	for _, w := range r.Ways {
		of := func(f func(sample) float64) spread {
			values := make([]float64, len(w.samples))
			for i, s := range w.samples {
				values[i] = f(s)
			}
			return spreadOf(values)
		}
		w.WallSeconds = of(func(s sample) float64 { return s.Wall.Seconds() })
		w.ClientSeconds = of(func(s sample) float64 { return s.Client.Seconds() })
		w.ServerSeconds = of(func(s sample) float64 { return s.Server.Seconds() })
		w.PeakMegabytes = of(func(s sample) float64 { return float64(s.Memory) / 1e6 })
		w.RowsPerSecond = float64(r.Rows) / w.WallSeconds.Median
		w.ClientMicros = w.ClientSeconds.Median * 1e6 / float64(r.Rows)
		w.ServerMicros = w.ServerSeconds.Median * 1e6 / float64(r.Rows)
		w.WALBytes = of(func(s sample) float64 { return float64(s.WAL) }).Median / float64(r.Rows)
	}
	for _, w := range r.Ways {
		w.WallToOurs = r.toOurs(w, func(s sample) time.Duration { return s.Wall })
		w.ClientToOurs = r.toOurs(w, func(s sample) time.Duration { return s.Client })
	}
}

// toOurs compares a figure round by round with that of our own way to load the same data; nil when that was not measured.
func (r *results) toOurs(w *way, figure func(sample) time.Duration) *spread {
	i := slices.IndexFunc(r.Ways, func(other *way) bool { return other.Data == w.Data && other.Name == ours })
	if i < 0 && w.Data == ledgered.name {
		i = slices.IndexFunc(r.Ways, func(other *way) bool { return other.Data == w.Data })
	}
	if i < 0 || r.Ways[i] == w {
		return nil
	}
	var ratios []float64
	for n, s := range w.samples {
		if n < len(r.Ways[i].samples) && figure(r.Ways[i].samples[n]) > 0 {
			ratios = append(ratios, float64(figure(s))/float64(figure(r.Ways[i].samples[n])))
		}
	}
	if len(ratios) == 0 {
		return nil
	}
	ratio := spreadOf(ratios)
	return &ratio
}

func (r *results) print(out io.Writer) error {
	known := func(format string, of ...any) string {
		if of[0] == 0.0 {
			return "–"
		}
		return fmt.Sprintf(format, of...)
	}
	fmt.Fprintf(out, "%d rows, median of %d rounds (smallest–largest), %d cores, %s\n", r.Rows, r.Rounds, r.Cores, r.Go)
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	data := ""
	for _, w := range r.Ways {
		if w.Data != data {
			data = w.Data
			fmt.Fprintf(table, "\n%s data\twall s\trows/s\tclient µs/row\tserver µs/row\tWAL B/row\tpeak MB\twall to ours\tclient to ours\n", data)
		}
		fmt.Fprintf(table, "%s\t%.2f (%.2f–%.2f)\t%.0f\t%.2f\t%.2f\t%.0f\t%s\t%s\t%s\n",
			w.Name, w.WallSeconds.Median, w.WallSeconds.Min, w.WallSeconds.Max, w.RowsPerSecond,
			w.ClientMicros, w.ServerMicros, w.WALBytes,
			known("%.0f (%.0f–%.0f)", w.PeakMegabytes.Median, w.PeakMegabytes.Min, w.PeakMegabytes.Max),
			w.WallToOurs, w.ClientToOurs)
	}
	if len(r.Latency) > 0 {
		fmt.Fprintf(table, "\nfrom file to row\tfiles\tp50 ms\tp99 ms\tmax ms\n")
	}
	for _, d := range r.Latency {
		fmt.Fprintf(table, "%d events/s\t%d\t%.1f\t%.1f\t%.1f\n", d.EventsPerSecond, d.Files, d.P50, d.P99, d.Max)
	}
	if d := r.SparkLatency; d != nil {
		fmt.Fprintf(table, "Spark, %d events/s\t%d\t%.1f\t%.1f\t%.1f\n", d.EventsPerSecond, d.Files, d.P50, d.P99, d.Max)
	}
	if len(r.Scale) > 0 {
		fmt.Fprintf(table, "\nthrough Kafka\twall s\tevents/s\twall to one pipeline\tclient µs/event\tbroker µs/event\tserver µs/event\n")
	}
	for _, c := range r.Scale {
		fmt.Fprintf(table, "%s\t%.2f (%.2f–%.2f)\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\n", c.Name, c.WallSeconds.Median, c.WallSeconds.Min, c.WallSeconds.Max,
			c.RowsPerSecond, c.WallToAlone.Median, c.ClientMicros.Median, c.BrokerMicros.Median, c.ServerMicros.Median)
	}
	if len(r.ScaleLatency) > 0 {
		fmt.Fprintf(table, "\nfrom file to row, through Kafka\tfiles\tp50 ms\tp99 ms\tmax ms\n")
	}
	for _, d := range r.ScaleLatency {
		fmt.Fprintf(table, "%d events/s\t%d\t%.1f\t%.1f\t%.1f\n", d.EventsPerSecond, d.Files, d.P50, d.P99, d.Max)
	}
	if i := r.Idle; i != nil {
		fmt.Fprintf(table, "\nidle beside %d finished files, for %.0f s\t%.2f %% of a core\t%.0f MB\n", i.Files, i.Seconds, i.Core, i.Memory)
	}
	return table.Flush()
}
