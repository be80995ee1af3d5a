package demo

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// screen shows the demo: on a terminal as a panel that is redrawn every second,
// elsewhere as a line per second.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	live  bool
	drawn int // lines of the panel on the terminal now
	ticks int
	start time.Time
}

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	live := err == nil && info.Mode()&os.ModeCharDevice != 0 &&
		runtime.GOOS != "windows" && os.Getenv("TERM") != "dumb"
	return &screen{out: out, live: live, start: time.Now()}
}

// note prints a permanent line above the panel.
func (s *screen) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wipe()
	fmt.Fprintln(s.out, strings.TrimRight(line, "\n"))
}

// greet prints where the files, the live page and the database are.
func (s *screen) greet(opts Options, store *store, dir *workdir, page string) {
	var b strings.Builder
	fmt.Fprintf(&b, "Generating %s events per second; the files are in %s\n", amount(opts.Rate), dir.events())
	if store.server.Named() {
		b.WriteString("The demo created a database on your server, touches no other, and drops it at the end.\n")
	}
	fmt.Fprintf(&b, "Watch it live at   %s\n", page)
	fmt.Fprintf(&b, "Look inside with:  %s '%s'\n", store.server.Psql(), store.dsn)
	if opts.Duration > 0 {
		fmt.Fprintf(&b, "The demo ends after %s, or on Ctrl-C.\n", opts.Duration)
	} else {
		b.WriteString("The demo ends on Ctrl-C.\n")
	}
	s.note(b.String())
	s.start = time.Now()
}

// tick shows the numbers of the last second.
func (s *screen) tick(r reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Since(s.start).Round(time.Second)
	p50, p99 := "-", "-"
	if r.Latency.count > 0 {
		p50, p99 = shortly(r.Latency.quantile(0.50)), shortly(r.Latency.quantile(0.99))
	}
	if !s.live {
		if s.ticks%20 == 0 {
			fmt.Fprintf(s.out, "%8s %12s %12s %10s %10s %10s %10s\n", "time", "generated", "stored", "rejected", "events/s", "p50", "p99")
		}
		s.ticks++
		fmt.Fprintf(s.out, "%8s %12s %12s %10s %10s %10s %10s\n",
			at, humanize.Comma(r.Generated), humanize.Comma(r.Stored), humanize.Comma(r.Rejected), amount(r.PerSecond), p50, p99)
		return
	}
	lines := []string{
		fmt.Sprintf("after      %14s", at),
		fmt.Sprintf("generated  %14s", humanize.Comma(r.Generated)),
		fmt.Sprintf("stored     %14s", humanize.Comma(r.Stored)),
		fmt.Sprintf("rejected   %14s", humanize.Comma(r.Rejected)),
		fmt.Sprintf("events/s   %14s", amount(r.PerSecond)),
		fmt.Sprintf("file to row, p50 %8s", p50),
		fmt.Sprintf("             p99 %8s", p99),
	}
	s.wipe()
	fmt.Fprintln(s.out, strings.Join(lines, "\n"))
	s.drawn = len(lines)
}

// wipe removes the panel from the terminal, and the ^C that the terminal echoes
// below it.
func (s *screen) wipe() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\r\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

// noteWriter shows what is written to it as notes.
type noteWriter struct{ screen *screen }

func (w noteWriter) Write(p []byte) (int, error) {
	w.screen.note(string(p))
	return len(p), nil
}

// amount formats a rate with three significant digits, or as an integer from 100 on.
func amount(f float64) string {
	if f >= 100 || f == float64(int64(f)) {
		return humanize.Comma(int64(f + 0.5))
	}
	return fmt.Sprintf("%.3g", f)
}

// shortly formats a latency with about three digits.
func shortly(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
}
