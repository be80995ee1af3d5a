package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/dustin/go-humanize"
)

// Summary is the result of a demo, which --json prints as JSON.
type Summary struct {
	// OK is true when every generated event was stored exactly once.
	OK bool `json:"ok"`
	// Problems has a sentence for each failed check; it is empty when OK.
	Problems []string `json:"problems"`
	// Seconds is how long events were generated.
	Seconds float64 `json:"seconds"`
	// Rate is the requested number of events per second.
	Rate float64 `json:"rate"`
	// Generated, Stored and Rejected count events; Files counts their files.
	Generated int64 `json:"generated"`
	Stored    int64 `json:"stored"`
	Rejected  int64 `json:"rejected"`
	Files     int64 `json:"files"`
	// EventsPerSecond is Stored divided by Seconds.
	EventsPerSecond float64 `json:"events_per_second"`
	// LatencyMS is the time from a file's appearance until its rows are visible to
	// another connection, in milliseconds, over all events.
	LatencyMS LatencySummary `json:"latency_ms"`
}

// LatencySummary is a distribution of latencies in milliseconds.
type LatencySummary struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func summarise(opts Options, open time.Duration, r reading, problems []string) *Summary {
	if r.Stored != r.Generated {
		problems = append(problems, fmt.Sprintf("%d events were generated, but %d were found stored", r.Generated, r.Stored))
	}
	return &Summary{
		OK:              len(problems) == 0,
		Problems:        append([]string{}, problems...), // [] in JSON, not null
		Seconds:         rounded(open.Seconds(), 3),
		Rate:            opts.Rate,
		Generated:       r.Generated,
		Stored:          r.Stored,
		Rejected:        r.Rejected,
		Files:           r.Files,
		EventsPerSecond: rounded(r.PerSecond, 1),
		LatencyMS: LatencySummary{
			P50: milliseconds(r.Latency.quantile(0.50)),
			P99: milliseconds(r.Latency.quantile(0.99)),
			Max: milliseconds(r.Latency.longest),
		},
	}
}

// failed returns the summary of a demo that ended with an error; summary is nil if
// the demo did not even begin.
func failed(opts Options, summary *Summary, err error) *Summary {
	if summary == nil {
		summary = &Summary{Rate: opts.Rate}
	}
	summary.OK = false
	summary.Problems = append(summary.Problems, err.Error())
	return summary
}

func (s *Summary) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("printing the summary: %w", err)
	}
	return nil
}

func (s *Summary) writeText(w io.Writer) {
	fmt.Fprintf(w, `
generated    %s events in %s files, in %.1f s
stored       %s
rejected     %s
speed        %s events/s
file to row  p50 %.1f ms, p99 %.1f ms, at most %.1f ms
`,
		humanize.Comma(s.Generated), humanize.Comma(s.Files), s.Seconds, humanize.Comma(s.Stored), humanize.Comma(s.Rejected),
		amount(s.EventsPerSecond), s.LatencyMS.P50, s.LatencyMS.P99, s.LatencyMS.Max)
	if s.OK {
		fmt.Fprintln(w, "Every event is stored exactly once.")
		return
	}
	fmt.Fprintln(w, "NOT every event is stored exactly once:")
	for _, problem := range s.Problems {
		fmt.Fprintln(w, "  - "+problem)
	}
	fmt.Fprintln(w, "Run it again with --dir to keep the files and the log.")
}

func milliseconds(d time.Duration) float64 {
	return rounded(float64(d)/float64(time.Millisecond), 2)
}

func rounded(f float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(f*scale) / scale
}
