package tests

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// dashboard is what is tested of Grafana's file.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr, RawSQL string }
	}
}

func TestTheDashboardAndTheAlertsHaveData(t *testing.T) {
	t.Parallel()
	rig.PrometheusTool(t, "prometheus") // or skip before anything is started
	text, err := os.ReadFile("../deploy/grafana/dashboards/connect.json")
	require.NoError(t, err)
	var board dashboard
	require.NoError(t, json.Unmarshal(text, &board))

	keyed, server := rig.NewSiteWithServer(t)
	keyless := rig.NewSite(t)
	keyless.DB.Exec(keyless.Schema("001_user_events.sql"))
	keyless.DB.Exec(`CREATE TABLE event_log (LIKE user_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("timestamp")`)
	keyless.DB.Exec(`CREATE TABLE event_log_1 PARTITION OF event_log FOR VALUES FROM ('2000-01-01') TO ('2100-01-01')`)
	first, second := keyed.Pipeline(), keyless.KeylessPipeline()
	keyed.Generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=10", "GENERATOR_MALFORMED=0.02", "GENERATOR_DUPLICATES=0.05")
	keyless.Generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=10")
	keyed.DropFile("twice.csv", "id,id\n1,2\n")
	p := rig.StartPrometheus(t, "../deploy/prometheus/alerts.yml", first.Address, second.Address)

	queries := 0
	fill := strings.NewReplacer("$instance", ".*", "$__rate_interval", "10s", "$__range", "1m")
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			switch {
			case target.Expr != "":
				p.Await(fill.Replace(target.Expr))
			case target.RawSQL != "":
				keyed.DB.Await("true", "SELECT count(*) > 0 FROM ("+target.RawSQL+") AS panel")
			default:
				t.Errorf("%s has a target without a query", panel.Title)
			}
			queries++
		}
	}
	require.Greater(t, queries, 25)

	alerts, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	for _, selector := range regexp.MustCompile(`[a-z_]+\{job="connect"\}`).FindAllString(string(alerts), -1) {
		if strings.HasPrefix(selector, "kafka_") {
			continue // only with Kafka: what Kafka has is another test
		}
		p.Await(selector)
	}
	p.RequireRulesHealthy()

	const away = `min by (instance, label) (postgres_copy_up{job="connect"}) == 0`
	require.Contains(t, string(alerts), away)
	found, err := p.Series(away)
	require.NoError(t, err)
	require.Zero(t, found)
	require.NoError(t, server.StopNow(t.Context()))
	p.Await(away)
	rig.Await(t, "/ready", first.ReadyIsNot(http.StatusOK))
	p.Await(`ALERTS{alertname="ConnectDatabaseAway"}`)
	require.NoError(t, server.Restart(t.Context()))
	p.Await(`min(postgres_copy_up{job="connect"}) == 1`)
	rig.Await(t, "/ready", first.ReadyIs(http.StatusOK))
}

func TestTheAlertsFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(rig.PrometheusTool(t, "promtool"), "test", "rules", "../deploy/prometheus/alerts_test.yml").CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	tests, err := os.ReadFile("../deploy/prometheus/alerts_test.yml")
	require.NoError(t, err)
	guide, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		require.Regexp(t, `alertname: `+alert[1]+`\s+eval_time: \S+\s+exp_alerts:\s+- exp_labels`, string(tests), "a test that has it fire")
	}
	for _, anchor := range regexp.MustCompile(`operations\.md#([\w-]+)`).FindAllStringSubmatch(string(text), -1) {
		heading := regexp.MustCompile(`(?im)^#+ ` + strings.ReplaceAll(anchor[1], "-", " ") + `$`)
		require.Regexp(t, heading, string(guide), "the chapter of the runbook")
	}
}
