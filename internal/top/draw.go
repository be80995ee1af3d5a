package top

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"github.com/ecommerce-ingest/connect/internal/status"
)

var (
	soft  = lipgloss.NewStyle().Faint(true)
	title = lipgloss.NewStyle().Bold(true)
	red   = lipgloss.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: "1", Dark: "9"})
	tints = map[status.Level]lipgloss.Style{
		status.Good:    title.Foreground(lipgloss.AdaptiveColor{Light: "2", Dark: "10"}),
		status.Working: title.Foreground(lipgloss.AdaptiveColor{Light: "4", Dark: "12"}),
		status.Warning: title.Foreground(lipgloss.AdaptiveColor{Light: "3", Dark: "11"}),
		status.Bad:     title.Foreground(lipgloss.AdaptiveColor{Light: "1", Dark: "9"}),
	}
	signs = map[status.Level]string{status.Good: "✓", status.Working: "…", status.Warning: "!", status.Bad: "✕"}
)

// draw is the whole picture, no wider than width and, unless height is 0, no
// higher than that.
func draw(l look, width, height int) string {
	var lines []string
	if l.err != nil {
		lines = append(lines, red.Render("✕ "+clean(l.err.Error())))
	}
	if !l.At.IsZero() {
		lines = append(lines, drawSnapshot(&l, width)...)
	}
	if height > 0 { // a terminal, not a single picture
		lines = lines[:min(len(lines), max(0, height-2))]
		lines = append(lines, "", soft.Render("q ends this; the pipeline goes on"))
	}
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], width, "…")
	}
	return strings.Join(lines, "\n")
}

func drawSnapshot(l *look, width int) []string {
	s := &l.Snapshot
	lines := []string{tints[s.Verdict.Level].Render(signs[s.Verdict.Level] + " " + clean(s.Verdict.Headline))}
	for _, detail := range s.Verdict.Details {
		lines = append(lines, "  "+clean(detail))
	}
	lines = append(lines, "")
	lines = append(lines, drawFigures(s)...)
	lines = append(lines, field("where time goes", drawShares(s.Shares)))
	if len(l.history) > 1 {
		lines = append(lines, field("stored/s", sparkline(l.history, max(10, width-22))))
	}
	lines = append(lines, drawOutputs(s)...)
	lines = append(lines, drawRejections(s)...)
	return append(lines, drawFiles(s)...)
}

// field is a line with its name in front.
func field(name, text string) string { return soft.Render(fmt.Sprintf("%-16s", name)) + " " + text }

func drawFigures(s *status.Snapshot) []string {
	latency := "nothing stored in the last minute"
	if s.Latency.P50 != nil && s.Latency.P99 != nil {
		latency = fmt.Sprintf("median %s, 99 %% within %s", span(*s.Latency.P50), span(*s.Latency.P99))
	}
	behind := "nothing is waiting"
	if s.Backlog.Bytes > 0 {
		behind = fmt.Sprintf("%s in %s files, oldest waits %s", status.Size(s.Backlog.Bytes), status.Whole(int64(s.Backlog.Files)), span(s.Backlog.Oldest))
		if s.Backlog.Left != nil {
			behind += ", about " + span(*s.Backlog.Left) + " left"
		}
	}
	refused := status.Whole(int64(s.Totals.Rejected))
	if s.Totals.Rejected > 0 {
		refused = red.Render(refused)
	}
	return []string{
		field("events/s", fmt.Sprintf("%.0f in, %.0f stored", s.Rates.In, s.Rates.Stored)),
		field("file to row", latency),
		field("unread", behind),
		field("since the start", fmt.Sprintf("%s read, %s stored, %s there already, %s filtered, %s refused, in %s",
			status.Whole(int64(s.Totals.In)), status.Whole(int64(s.Totals.Stored)),
			status.Whole(int64(s.Totals.SkippedKey+s.Totals.SkippedLedger)), status.Whole(int64(s.Totals.Filtered)), refused, span(s.Uptime))),
	}
}

func drawShares(s status.Shares) string {
	return fmt.Sprintf("waiting for files %.0f %%, reading %.0f %%, mapping %.0f %%, database %.0f %%",
		100*s.AwaitingFiles, 100*s.Reading, 100*s.Mapping, 100*s.Database)
}

var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws the latest seconds, one a column.
func sparkline(points []second, width int) string {
	points = points[max(0, len(points)-width):]
	most := 0.0
	for _, p := range points {
		most = max(most, p.Stored)
	}
	var b strings.Builder
	for _, p := range points {
		i := 0
		if most > 0 {
			i = int(p.Stored / most * float64(len(bars)-1))
		}
		b.WriteRune(bars[i])
	}
	return b.String()
}

func drawOutputs(s *status.Snapshot) (lines []string) {
	for _, o := range s.Outputs {
		state := "connected"
		if !o.Up {
			state = red.Render("away")
		}
		lines = append(lines, field("table", fmt.Sprintf("%s: %s for %s  %s", clean(o.Table), state, span(o.Since), clean(o.Problem))))
	}
	return lines
}

// rowsShown is how many rejections and files are listed.
const rowsShown = 8

func drawRejections(s *status.Snapshot) (lines []string) {
	if len(s.Newest) == 0 {
		return nil
	}
	lines = append(lines, "", title.Render("Refused rows"))
	var reasons []string
	for _, r := range s.Reasons[:min(len(s.Reasons), rowsShown)] {
		reasons = append(reasons, fmt.Sprintf("%s %s: %s", status.Whole(r.Count), clean(r.Stage), clean(r.Class)))
	}
	lines = append(lines, strings.Join(reasons, ", "))
	for _, r := range s.Newest[:min(len(s.Newest), rowsShown)] {
		lines = append(lines, fmt.Sprintf("%s  %s row %d  %s", soft.Render(r.At.Local().Format(time.TimeOnly)), clean(filepath.Base(r.Path)), r.Row, clean(r.Reason)))
	}
	return lines
}

func drawFiles(s *status.Snapshot) (lines []string) {
	if len(s.Files) == 0 {
		return nil
	}
	lines = append(lines, "", title.Render("Files")+soft.Render(fmt.Sprintf("  %s known, %s waiting, %s refused",
		status.Whole(int64(s.FilesNow.Known)), status.Whole(int64(s.FilesNow.Waiting)), status.Whole(int64(s.FilesNow.Refused)))))
	for _, f := range s.Files[:min(len(s.Files), rowsShown)] {
		state := fmt.Sprintf("%-8s", f.State)
		if f.State == "refused" {
			state = red.Render(state)
		}
		lines = append(lines, fmt.Sprintf("%s %10s rows  %s of %s  %s  %s", state, status.Whole(f.Rows),
			status.Size(f.Read), status.Size(f.Size), clean(filepath.Base(f.Path)), clean(f.Problem)))
	}
	return lines
}

func span(seconds float64) string { return status.Span(time.Duration(seconds * float64(time.Second))) }

// clean takes out what would command the terminal: names of files and reasons
// come from others.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
