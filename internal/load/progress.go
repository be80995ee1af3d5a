package load

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/ecommerce-ingest/connect/internal/status"
)

// lineEvery is how often there is a line where there is no terminal.
const lineEvery = 10 * time.Second

// progress shows how far a load is: a bar on a terminal, elsewhere a line now and then.
type progress struct {
	out  io.Writer
	bar  *progressbar.ProgressBar // nil where there is no terminal
	next time.Time                // of the next line
}

func newProgress(out *os.File) *progress {
	p := &progress{out: out, next: time.Now().Add(lineEvery)}
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" {
		p.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

func (p *progress) show(s *status.Snapshot) {
	done := s.Backlog.Bytes + s.ReadBytes
	text := fmt.Sprintf("%s rows, %s rows/s", humanize.Comma(int64(s.Totals.In)), humanize.Comma(int64(s.Rates.In)))
	for _, out := range s.Outputs {
		if !out.Up && out.Problem != "" {
			text = "waiting for the database: " + out.Problem
		}
	}
	if p.bar != nil {
		p.bar.ChangeMax64(max(done, 1))
		p.bar.Describe(text)
		_ = p.bar.Set64(s.ReadBytes) // a terminal that is gone is no reason to stop
		return
	}
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(lineEvery)
		fmt.Fprintf(p.out, "%s of %s read, %s\n", humanize.Bytes(uint64(s.ReadBytes)), humanize.Bytes(uint64(done)), text)
	}
}

// end takes the bar off the terminal.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
