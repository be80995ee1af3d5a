package rig

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
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// PrometheusTool returns the path of promtool or prometheus. If it is missing, the test
// is skipped, or fails if CI is set.
func PrometheusTool(t *testing.T, name string) string {
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

// Prometheus is a running Prometheus server that scrapes pipelines every second.
type Prometheus struct {
	t       testing.TB
	address string
}

// StartPrometheus starts a server with a file of alert rules that scrapes the targets,
// each host:port.
func StartPrometheus(t *testing.T, rules string, targets ...string) *Prometheus {
	t.Helper()
	path := PrometheusTool(t, "prometheus")
	rules, err := filepath.Abs(rules)
	require.NoError(t, err)
	dir := t.TempDir()
	config := fmt.Sprintf("global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [%q]\nscrape_configs:\n  - job_name: connect\n    static_configs: [{ targets: [%s] }]\n",
		rules, strings.Join(targets, ", "))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644))
	p := &Prometheus{t, freeAddress(t)}
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

// Series returns how many series of a query's result have a value other than NaN.
func (p *Prometheus) Series(query string) (found int, err error) {
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
		return 0, Hopeless(errors.New(got.Error))
	}
	for _, series := range got.Data.Result {
		if series.Value[1] != "NaN" {
			found++
		}
	}
	return found, nil
}

// Await waits until the result of a query has a series.
func (p *Prometheus) Await(query string) {
	p.t.Helper()
	Await(p.t, query, func() error {
		found, err := p.Series(query)
		if err == nil && found == 0 {
			err = errors.New("no data")
		}
		return err
	})
}

// RequireRulesHealthy checks that Prometheus could evaluate every rule.
func (p *Prometheus) RequireRulesHealthy() {
	p.t.Helper()
	Await(p.t, "rules that are evaluated", func() error {
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
