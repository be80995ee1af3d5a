package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheus is a running server that scrapes pipelines every second.
type prometheus struct {
	t       testing.TB
	address string
}

// startPrometheus starts one with the shipped alerts.
func startPrometheus(t *testing.T, targets ...string) *prometheus {
	t.Helper()
	path := prometheusTool(t, "prometheus")
	rules, err := filepath.Abs("../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	dir := t.TempDir()
	config := fmt.Sprintf("global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [%q]\nscrape_configs:\n  - job_name: connect\n    static_configs: [{ targets: [%s] }]\n",
		rules, strings.Join(targets, ", "))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644))
	p := &prometheus{t, freeAddress(t)}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.address, "--log.level=error")
	dieWithUs(cmd)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	return p
}

// ask returns how many series a query finds that have a number.
func (p *prometheus) ask(query string) (found int, err error) {
	answer, err := http.Get("http://" + p.address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var got struct {
		Error string
		Data  struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return 0, err
	}
	if got.Error != "" {
		return 0, &hopeless{errors.New(got.Error)}
	}
	for _, series := range got.Data.Result {
		if series.Value[1] != "NaN" {
			found++
		}
	}
	return found, nil
}

// await waits until a query finds something.
func (p *prometheus) await(query string) {
	p.t.Helper()
	await(p.t, query, func() error {
		found, err := p.ask(query)
		if err == nil && found == 0 {
			err = errors.New("no data")
		}
		return err
	})
}

// dashboard is what is tested of Grafana's file.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr, RawSQL string }
	}
}

func TestTheDashboardAndTheAlertsHaveData(t *testing.T) {
	t.Parallel()
	prometheusTool(t, "prometheus") // or skip before anything is started
	text, err := os.ReadFile("../deploy/grafana/dashboards/connect.json")
	require.NoError(t, err)
	var board dashboard
	require.NoError(t, json.Unmarshal(text, &board))

	keyed, server := newSiteOfItsOwn(t)
	keyless := newSite(t)
	keyless.db.exec(keyless.schema("001_user_events.sql"))
	keyless.db.exec(`CREATE TABLE event_log (LIKE user_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("timestamp")`)
	keyless.db.exec(`CREATE TABLE event_log_1 PARTITION OF event_log FOR VALUES FROM ('2000-01-01') TO ('2100-01-01')`)
	first, second := keyed.pipeline(), keyless.keyless()
	keyed.generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=10", "GENERATOR_MALFORMED=0.02", "GENERATOR_DUPLICATES=0.05")
	keyless.generator("GENERATOR_INTERVAL=50ms", "GENERATOR_BATCH_SIZE=10")
	keyed.dropFile("twice.csv", "id,id\n1,2\n")
	p := startPrometheus(t, first.address, second.address)

	queries := 0
	fill := strings.NewReplacer("$instance", ".*", "$__rate_interval", "10s", "$__range", "1m")
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			switch {
			case target.Expr != "":
				p.await(fill.Replace(target.Expr))
			case target.RawSQL != "":
				keyed.db.await("true", "SELECT count(*) > 0 FROM ("+target.RawSQL+") AS panel")
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
		p.await(selector)
	}
	requireRulesHealthy(t, p)

	const away = `min by (instance, label) (postgres_copy_up{job="connect"}) == 0`
	require.Contains(t, string(alerts), away)
	found, err := p.ask(away)
	require.NoError(t, err)
	require.Zero(t, found)
	require.NoError(t, server.StopNow(t.Context()))
	p.await(away)
	await(t, "/ready", first.isNot(http.StatusOK))
	p.await(`ALERTS{alertname="ConnectDatabaseAway"}`)
	require.NoError(t, server.Restart(t.Context()))
	p.await(`min(postgres_copy_up{job="connect"}) == 1`)
	await(t, "/ready", first.is(http.StatusOK))
}

// is checks what /ready answers.
func (p *program) is(want int) func() error {
	return func() error {
		answer, err := http.Get("http://" + p.address + "/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != want {
			return errors.New(answer.Status)
		}
		return nil
	}
}

// isNot checks what /ready no longer answers.
func (p *program) isNot(want int) func() error {
	return func() error {
		if p.is(want)() == nil {
			return fmt.Errorf("still %d", want)
		}
		return nil
	}
}

// requireRulesHealthy checks that Prometheus could evaluate every rule.
func requireRulesHealthy(t *testing.T, p *prometheus) {
	t.Helper()
	await(t, "rules that are evaluated", func() error {
		answer, err := http.Get("http://" + p.address + "/api/v1/rules")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var got struct {
			Data struct {
				Groups []struct {
					Rules []struct{ Name, Health, LastError string }
				}
			}
		}
		if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
			return err
		}
		if len(got.Data.Groups) == 0 {
			return errors.New("no rules")
		}
		for _, rule := range got.Data.Groups[0].Rules {
			if rule.Health != "ok" {
				return fmt.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
			}
		}
		return nil
	})
}

func TestTheAlertsFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(prometheusTool(t, "promtool"), "test", "rules", "../deploy/prometheus/alerts_test.yml").CombinedOutput()
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
