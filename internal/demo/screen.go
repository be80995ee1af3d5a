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

// screen shows the demo: on a terminal a panel that is drawn anew each second,
// elsewhere a line a second.
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

// note prints a line that stays, above the panel.
func (s *screen) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wipe()
	fmt.Fprintln(s.out, strings.TrimRight(line, "\n"))
}

// greet says what runs where, once it runs.
func (s *screen) greet(opts Options, store *store, place *place, page string) {
	var b strings.Builder
	fmt.Fprintf(&b, "A shop with %s events a second; its files are in %s\n", amount(opts.Rate), place.events())
	if store.server.Named() {
		b.WriteString("The demo made a database of its own on the server you named, touches no other, and drops it at the end.\n")
	}
	fmt.Fprintf(&b, "Watch it live at   %s\n", page)
	fmt.Fprintf(&b, "Look inside with:  %s '%s'\n", store.server.Psql(), store.dsn)
	if opts.Duration > 0 {
		fmt.Fprintf(&b, "It closes after %s, or at Ctrl-C.\n", opts.Duration)
	} else {
		b.WriteString("It closes at Ctrl-C.\n")
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
			fmt.Fprintf(s.out, "%8s %14s %14s %10s %10s %10s %10s\n", "time", "generated", "stored", "rejected", "events/s", "p50", "p99")
		}
		s.ticks++
		fmt.Fprintf(s.out, "%8s %14s %14s %10s %10s %10s %10s\n",
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

// wipe takes the panel off the terminal.
func (s *screen) wipe() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

// noteWriter makes each line written to it a note.
type noteWriter struct{ screen *screen }

func (w noteWriter) Write(p []byte) (int, error) {
	w.screen.note(string(p))
	return len(p), nil
}

// amount writes a rate with no more digits than mean something.
func amount(f float64) string {
	if f >= 100 || f == float64(int64(f)) {
		return humanize.Comma(int64(f + 0.5))
	}
	return fmt.Sprintf("%.3g", f)
}

// shortly writes a latency with three digits.
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
