//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
)

// spread is a figure's smallest, middle and largest value over the rounds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
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
	Name          string  `json:"name"`
	WallSeconds   spread  `json:"wall_seconds"`
	RowsPerSecond float64 `json:"rows_per_second"`
	ClientSeconds spread  `json:"client_cpu_seconds"`
	ClientMicros  float64 `json:"client_cpu_microseconds_per_row"`
	ServerSeconds spread  `json:"server_cpu_seconds"`
	PeakMegabytes spread  `json:"peak_memory_megabytes"`
	ToOurs        float64 `json:"wall_ratio_to_ours,omitempty"`

	samples []sample
}

type results struct {
	Rows   int    `json:"rows"`
	Rounds int    `json:"rounds"`
	Seed   uint64 `json:"seed"`
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	Ways   []*way `json:"ways"`
}

func newResults(rows, rounds int, seed uint64) *results {
	return &results{Rows: rows, Rounds: rounds, Seed: seed, Cores: runtime.NumCPU(), Go: runtime.Version()}
}

func (r *results) add(name string, s sample) {
	i := slices.IndexFunc(r.Ways, func(w *way) bool { return w.Name == name })
	if i < 0 {
		i = len(r.Ways)
		r.Ways = append(r.Ways, &way{Name: name})
	}
	r.Ways[i].samples = append(r.Ways[i].samples, s)
	r.summarise()
}

func (r *results) summarise() {
	base := 0.0
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
		if w.Name == ours {
			base = w.WallSeconds.Median
		}
	}
	if base == 0 {
		return
	}
	for _, w := range r.Ways {
		w.ToOurs = w.WallSeconds.Median / base
	}
}

func printTable(out io.Writer, r *results) error {
	fmt.Fprintf(out, "%d rows, median of %d rounds (smallest–largest), %d cores, %s\n\n", r.Rows, r.Rounds, r.Cores, r.Go)
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "way\twall s\trows/s\tclient CPU s\tµs/row\tserver CPU s\tpeak MB\twall to ours")
	for _, w := range r.Ways {
		fmt.Fprintf(table, "%s\t%.2f (%.2f–%.2f)\t%.0f\t%.2f (%.2f–%.2f)\t%.2f\t%.2f (%.2f–%.2f)\t%.0f (%.0f–%.0f)\t%.2f\n",
			w.Name, w.WallSeconds.Median, w.WallSeconds.Min, w.WallSeconds.Max, w.RowsPerSecond,
			w.ClientSeconds.Median, w.ClientSeconds.Min, w.ClientSeconds.Max, w.ClientMicros,
			w.ServerSeconds.Median, w.ServerSeconds.Min, w.ServerSeconds.Max,
			w.PeakMegabytes.Median, w.PeakMegabytes.Min, w.PeakMegabytes.Max, w.ToOurs)
	}
	return table.Flush()
}
