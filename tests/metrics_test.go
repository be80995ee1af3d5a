package tests

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheusTool returns the path of a program of Prometheus. If it is missing, the
// test is skipped, or fails if CI is set.
func prometheusTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("there is no %s, which CI must have", name)
	}
	t.Skipf("there is no %s: install it (Debian: apt-get install prometheus)", name)
	return ""
}

// scraped returns the metrics in Prometheus' format.
func (p *program) scraped() string {
	p.t.Helper()
	answer, err := http.Get("http://" + p.address + "/metrics")
	require.NoError(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return string(text)
}

// engines matches the metrics that Benthos names.
var engines = regexp.MustCompile(`^(input|processor|output|batch)_`)

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	promtool := prometheusTool(t, "promtool")
	s := newSite(t)
	p := s.keyless()
	s.dropFile("a.csv", header+"\n"+records(0, 100)+with("quantity", "1.5")+"\n"+with("price", "x")+"\nragged\n")
	s.dropFile("b.csv", "id,id\n1,2\n")
	s.db.await("100", "SELECT count(*) FROM event_log")
	var text string
	for _, name := range []string{
		"csv_watch_rows_read_total", "csv_watch_files_refused", "csv_watch_backlog_bytes", "csv_watch_oldest_unread_seconds",
		"csv_watch_awaiting_files_seconds_total", "csv_watch_latency_seconds_bucket",
		"postgres_copy_rows_written_total", "postgres_copy_latency_seconds_bucket", "postgres_copy_writing_seconds_total",
		"postgres_copy_ledger_bytes", "postgres_copy_reconnects_total", "postgres_copy_lock_waits_total", "postgres_copy_batches_awaiting_lock",
	} {
		await(t, name, func() error {
			if text = p.scraped(); !regexp.MustCompile(`(?m)^` + name + `[{ ]`).MatchString(text) {
				return errors.New("there is no such metric")
			}
			return nil
		})
	}
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	out, _ := check.CombinedOutput() // fails for the engine's names alone
	require.NotContains(t, string(out), "error while linting")
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if line != "" && !engines.MatchString(line) {
			t.Error(line)
		}
	}
}
