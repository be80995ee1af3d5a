package csvwatch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

func parse(yaml string) (config, error) {
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		return config{}, err
	}
	return configFromParsed(parsed, service.MockResources())
}

// lint returns the lint messages for an input with this configuration.
func lint(t *testing.T, yaml string) (found []string) {
	t.Helper()
	lints, err := service.GlobalEnvironment().NewComponentConfigLinter().
		LintInputYAML([]byte("csv_watch:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
	require.NoError(t, err)
	for _, l := range lints {
		found = append(found, l.What)
	}
	return found
}

func TestWrongSettingsFailLintAndParsing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ yaml, message string }{
		{"paths: []", "paths is empty: name at least one, such as data/*.csv"},
		{"delete_on_finish: true\nmove_on_finish: done", "delete_on_finish and move_on_finish exclude each other: set only one of them"},
		{"batch_count: 0", "batch_count must be at least 1"},
		{"batch_count: 200\ncheckpoint_limit: 100", "checkpoint_limit must be at least batch_count, or no batch could ever be full: raise it"},
		{"max_open_files: 3", "max_open_files must be at least 4"},
		{"delimiter: ab", "delimiter must be a single character"},
		{"delimiter: ''", "delimiter must be a single character"},
		{"comment: ab", "comment must be a single character, or empty"},
		{"parse_header_row: false\nexpected_headers: [ a ]", "expected_headers needs parse_header_row: true"},
		{"skip_rows: -1", "skip_rows must not be negative"},
		{"parse_header_row: false\nskip_repeated_headers: true", "skip_repeated_headers needs parse_header_row: true"},
		{"schema_drift: reject", "schema_drift: reject needs expected_headers to compare with"},
		{"expected_number_of_fields: -1", "expected_number_of_fields: -1 needs parse_header_row: false"},
		{"expected_number_of_fields: -2", "expected_number_of_fields must be at least -1"},
		{"max_record_bytes: 0", "max_record_bytes must be at least 1"},
	} {
		yaml := c.yaml
		if !strings.Contains(yaml, "paths:") {
			yaml = "paths: [ a.csv ]\n" + yaml
		}
		_, err := parse(yaml)
		assert.EqualError(t, err, c.message, yaml)
		assert.Equal(t, []string{c.message}, lint(t, yaml), yaml)
	}
}

func TestWrongSettingsFailParsing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ yaml, message string }{
		{"paths: [ '' ]", "an empty path matches nothing: write a path such as data/*.csv"},
		{"paths: [ 'a[' ]", `path "a[" is not a valid pattern: check its brackets and braces`},
		{"paths: [ data/ ]", `path "data/" names a directory: write which of its files, such as data/*.csv`},
		{"exclude_patterns: [ '{' ]", `exclude pattern "{" is not valid: check its brackets and braces`},
		{"paths: [ in/*.csv ]\nmove_on_finish: ./in/", "move_on_finish is ./in/, where files are read from: name another directory, such as one in it"},
		{"poll_interval: 0s", "poll_interval must be longer than 0s"},
		{"checkpoint_interval: 0s", "checkpoint_interval must be longer than 0s"},
		{"minimum_age: -1s", "minimum_age must not be negative"},
		{"quiet_period: 0s", "quiet_period must be longer than 0s, or records that are still being written would be split"},
		{"checkpoint_limit_bytes: 0", "checkpoint_limit_bytes must be at least 1"},
		{"checkpoint_dir: ''", "there is nowhere to save positions: set checkpoint_dir or checkpoint_cache"},
		{"checkpoint_cache: nowhere", `checkpoint_cache names the cache resource "nowhere", which is not defined: add it to cache_resources`},
		{"checkpoint_cache: nowhere\ncheckpoint_key: ''", "checkpoint_key is empty: give the positions in the cache a key, such as csv_watch"},
		{"delimiter: '\"'", `delimiter '"' is not possible: use a character other than a quote or a line end`},
		{"encoding: klingon", `encoding "klingon" is not known: use an IANA name such as utf-16, iso-8859-1, windows-1252 or shift_jis`},
	} {
		yaml := c.yaml
		if !strings.Contains(yaml, "paths:") {
			yaml = "paths: [ a.csv ]\n" + yaml
		}
		_, err := parse(yaml)
		assert.EqualError(t, err, c.message, yaml)
	}
}

func TestAllFieldsAreParsed(t *testing.T) {
	t.Parallel()
	yaml := `
paths: [ data/**/*.csv ]
exclude_patterns: [ old* ]
include_hidden: true
parse_header_row: true
skip_rows: 3
skip_repeated_headers: true
delimiter: "\t"
comment: "#"
lazy_quotes: true
expected_headers: [ a, b ]
expected_number_of_fields: 2
schema_drift: reject
encoding: utf-16
trim_space: true
null_values: [ "", "NULL" ]
max_record_bytes: 1000
continue_on_error: false
poll_interval: 2s
notify: false
minimum_age: 3s
quiet_period: 4s
order: name
resume_replaced: false
batch_count: 5
max_open_files: 6
checkpoint_dir: state
checkpoint_interval: 7s
checkpoint_limit: 8
checkpoint_limit_bytes: 9
delete_on_finish: false
move_on_finish: done
auto_replay_nacks: false`
	require.Empty(t, lint(t, yaml))
	c, err := parse(yaml)
	require.NoError(t, err)
	require.True(t, c.patterns.Match("data/x/_a.csv"))
	require.False(t, c.patterns.Match("data/old.csv"))
	c.patterns = nil
	require.Equal(t, config{
		rows: csvrows.Options{
			Delimiter: '\t', Comment: '#', LazyQuotes: true, ParseHeaderRow: true, ExpectedHeaders: []string{"a", "b"},
			SkipRows: 3, SkipRepeatedHeaders: true,
			RejectDrift: true, ExpectedFields: 2, MaxRecordBytes: 1000, Encoding: "utf-16", TrimSpace: true,
		},
		nulls: []string{"", "NULL"}, continueOnError: false, pollInterval: 2 * time.Second, notify: false, minimumAge: 3 * time.Second,
		quietPeriod: 4 * time.Second, byName: true, batchCount: 5, maxOpenFiles: 6, cacheKey: "csv_watch", dir: "state",
		saveEvery: 7 * time.Second, limit: 8, limitBytes: 9, moveOnFinish: "done", autoRetryNacks: false,
	}, c)
}

func TestTheDefaults(t *testing.T) {
	t.Parallel()
	require.Empty(t, lint(t, "paths: [ a.csv ]"))
	c, err := parse("paths: [ a.csv ]")
	require.NoError(t, err)
	require.Equal(t, defaultCheckpointLimit, c.limit)
	require.True(t, c.continueOnError)
	require.True(t, c.autoRetryNacks)
	require.True(t, c.rows.RejectMissing)
	require.True(t, c.resumeReplaced)
	require.Contains(t, lintRule, fmt.Sprint(defaultCheckpointLimit))
}

// TestTheExamplesRun builds each example and runs it briefly.
func TestTheExamplesRun(t *testing.T) {
	view, exists := service.GlobalEnvironment().GetInputConfig("csv_watch")
	require.True(t, exists)
	data, err := view.TemplateData()
	require.NoError(t, err)
	require.NotEmpty(t, data.Examples)
	for _, example := range data.Examples {
		t.Run(example.Title, func(t *testing.T) {
			t.Chdir(t.TempDir())
			lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().
				LintYAML([]byte(example.Config))
			require.NoError(t, err)
			require.Empty(t, lints)
			require.NoError(t, os.MkdirAll(filepath.Join("data", "events"), 0o755))
			require.NoError(t, os.MkdirAll("positions", 0o755))
			b := service.NewStreamBuilder()
			require.NoError(t, b.SetYAML(example.Config))
			require.NoError(t, b.SetLoggerYAML("level: none"))
			stream, err := b.Build()
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- stream.Run(t.Context()) }()
			require.Eventually(t, func() bool {
				found, _ := filepath.Glob("data/state/csv_watch/positions.log")
				owners, _ := filepath.Glob("positions/shop_events-owner")
				return len(found)+len(owners) > 0
			}, 20*time.Second, time.Millisecond, "the input comes up")
			require.NoError(t, stream.StopWithin(20*time.Second))
			<-done
		})
	}
}

func TestItsOwnFilesAreNotWatched(t *testing.T) {
	t.Parallel()
	c, err := parse("paths: [ data/** ]\ncheckpoint_dir: data/state\nmove_on_finish: data/done")
	require.NoError(t, err)
	for path, want := range map[string]bool{
		"data/a": true, "data/state/a": true, "data/state/positions.log": false, "data/state/positions.log.new": false,
		"data/state/handed.log": false, "data/state/handed.log.new": false,
		"data/state/lock": false, "data/done/a": false,
	} {
		require.Equal(t, want, c.patterns.Match(filepath.FromSlash(path)), path)
	}
}
