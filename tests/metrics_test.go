package tests

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// engines matches the metrics that Benthos names.
var engines = regexp.MustCompile(`^(input|processor|output|batch)_`)

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	promtool := rig.PrometheusTool(t, "promtool")
	s := rig.NewSite(t)
	p := s.KeylessPipeline()
	s.DropFile("a.csv", rig.Header+"\n"+rig.Records(0, 100)+rig.RecordWith("quantity", "1.5")+"\n"+rig.RecordWith("price", "x")+"\nragged\n")
	s.DropFile("b.csv", "id,id\n1,2\n")
	s.DB.Await("100", "SELECT count(*) FROM event_log")
	var text string
	for _, name := range []string{
		"csv_watch_rows_read_total", "csv_watch_files_refused", "csv_watch_backlog_bytes", "csv_watch_oldest_unread_seconds",
		"csv_watch_awaiting_files_seconds_total", "csv_watch_latency_seconds_bucket",
		"postgres_copy_rows_written_total", "postgres_copy_latency_seconds_bucket", "postgres_copy_writing_seconds_total",
		"postgres_copy_ledger_bytes", "postgres_copy_reconnects_total", "postgres_copy_lock_waits_total", "postgres_copy_batches_awaiting_lock",
	} {
		rig.Await(t, name, func() error {
			if text = p.Metrics(); !regexp.MustCompile(`(?m)^` + name + `[{ ]`).MatchString(text) {
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
