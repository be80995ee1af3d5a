package status

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// filesShown is how many files a Snapshot lists.
const filesShown = 20

// Snapshot is how a pipeline stands at one time. Rates are per second over the
// last ten seconds, latencies over the last minute; totals are since the start.
type Snapshot struct {
	At         time.Time `json:"at"`
	Uptime     float64   `json:"uptime_seconds"`
	Verdict    Verdict   `json:"verdict"`
	Rates      Rows      `json:"rates"`
	Totals     Rows      `json:"totals"`
	Latency    Latency   `json:"latency"`
	Backlog    Backlog   `json:"backlog"`
	Shares     Shares    `json:"shares"`
	Bottleneck string    `json:"bottleneck"` // files, reading, mapping or database
	Retries    int64     `json:"retries"`
	ReadBytes  int64     `json:"read_bytes"`

	Outputs  []OutputSnapshot `json:"outputs"`
	Files    []File           `json:"files"`
	Newest   []Rejection      `json:"newest_rejections"`
	Reasons  []ReasonCount    `json:"rejections"`
	FilesNow FileCounts       `json:"file_counts"`
}

// Rows count rows, or are rows per second.
type Rows struct {
	In            float64 `json:"in"`
	Stored        float64 `json:"stored"`
	SkippedKey    float64 `json:"skipped_key"`
	SkippedLedger float64 `json:"skipped_ledger"`
	Filtered      float64 `json:"filtered"`
	Rejected      float64 `json:"rejected"`
}

// Latency is how long rows took from their appearing in a file to their commit,
// in seconds. It is absent while nothing was stored.
type Latency struct {
	P50 *float64 `json:"p50,omitempty"`
	P99 *float64 `json:"p99,omitempty"`
}

// Backlog is what is there and not read, or read and not done.
type Backlog struct {
	Bytes   int64    `json:"bytes"`
	Files   int      `json:"files"`
	Oldest  float64  `json:"oldest_seconds"`
	Left    *float64 `json:"left_seconds,omitempty"` // until it is read; absent when unknown
	Unacked int      `json:"unacked_rows"`
}

// FileCounts are how many files there are.
type FileCounts struct {
	Known   int `json:"known"`
	Waiting int `json:"waiting"`
	Refused int `json:"refused"`
}

// OutputSnapshot is how an output stands.
type OutputSnapshot struct {
	Label   string  `json:"label"`
	Table   string  `json:"table"`
	Up      bool    `json:"up"`
	Since   float64 `json:"since_seconds"`
	Problem string  `json:"problem,omitempty"`
}

// Snapshot returns how things stand. With values, the reasons of rejections
// quote the values that they are about, which may be personal data.
func (b *Board) Snapshot(values bool) *Snapshot {
	now := b.now()
	b.mu.Lock()
	t := b.totals(now)
	stand := b.stand(now)
	inputs, outputs := slices.Clone(b.inputs), slices.Clone(b.outputs)
	b.mu.Unlock()

	s := &Snapshot{
		At: now, Uptime: now.Sub(b.began).Seconds(),
		Verdict: stand.verdict,
		Totals:  t.rows(1),
		Backlog: Backlog{
			Bytes: stand.Backlog, Files: stand.FilesWaiting, Oldest: stand.OldestUnread.Seconds(), Unacked: stand.Unacked,
		},
		FilesNow: FileCounts{stand.FilesKnown, stand.FilesWaiting, stand.FilesFailed},
		Retries:  t.retries, ReadBytes: t.bytes,
		Outputs: []OutputSnapshot{},
	}
	s.Rates = stand.now.rows(max(stand.now.took.Seconds(), 0.001))
	s.Shares = stand.now.shares()
	s.Bottleneck = s.Shares.bottleneck()
	if stand.left >= 0 {
		s.Backlog.Left = seconds(stand.left)
	}
	if p := stand.minute.latency.quantile(0.50); p >= 0 {
		s.Latency = Latency{P50: seconds(p), P99: seconds(stand.minute.latency.quantile(0.99))}
	}
	for _, out := range outputs {
		state := out.state()
		s.Outputs = append(s.Outputs, OutputSnapshot{
			Label: out.label, Table: out.table, Up: state.up, Since: now.Sub(state.since).Seconds(), Problem: state.problem,
		})
	}
	s.Files = newestFiles(inputs)
	if len(s.Files) > 0 && s.Files[0].State == "refused" {
		s.Verdict.Details = append(s.Verdict.Details, fmt.Sprintf("%s: %s", filepath.Base(s.Files[0].Path), s.Files[0].Problem))
	}
	s.Newest, s.Reasons = b.refused.list(values)
	return s
}

func newestFiles(inputs []*Input) []File {
	files := []File{}
	for _, in := range inputs {
		files = append(files, in.listFiles(filesShown)...)
	}
	slices.SortStableFunc(files, func(x, y File) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), y.Changed.Compare(x.Changed))
	})
	return files[:min(len(files), filesShown)]
}

// rank puts files first that somebody should look at, and finished ones last.
func rank(f File) int {
	return slices.Index([]string{"refused", "reading", "waiting", "done"}, f.State)
}

func (t *totals) rows(by float64) Rows {
	return Rows{
		In: float64(t.Read) / by, Stored: float64(t.Stored) / by, SkippedKey: float64(t.SkippedKey) / by,
		SkippedLedger: float64(t.SkippedLedger) / by, Filtered: float64(t.Filtered) / by, Rejected: float64(t.Rejected) / by,
	}
}

func seconds(d time.Duration) *float64 {
	s := d.Seconds()
	return &s
}
