package kafkarelay

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

const (
	goodInput = `
seed_brokers: [ localhost:9092 ]
topics: [ a ]
consumer_group: g
`
	goodOutput = `
seed_brokers: [ localhost:9092 ]
topic: a
`
)

// inputComplaint returns what Go says of a configuration of the input.
func inputComplaint(t *testing.T, yaml string) string {
	t.Helper()
	parsed, err := inputSpec().ParseYAML(yaml, nil)
	if err == nil {
		_, err = inputConfigFromParsed(parsed)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func outputComplaint(t *testing.T, yaml string) string {
	t.Helper()
	parsed, err := outputSpec().ParseYAML(yaml, nil)
	if err == nil {
		_, err = outputConfigFromParsed(parsed)
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// lints returns what the linter says of a component.
func lints(t *testing.T, kind, yaml string) string {
	t.Helper()
	linter := service.NewEnvironment().NewComponentConfigLinter()
	text := name + ":\n  " + strings.ReplaceAll(strings.TrimSpace(yaml), "\n", "\n  ")
	lint := linter.LintInputYAML
	if kind == "output" {
		lint = linter.LintOutputYAML
	}
	found, err := lint([]byte(text))
	require.NoError(t, err)
	var said []string
	for _, l := range found {
		said = append(said, l.What)
	}
	return strings.Join(said, "; ")
}

func TestContradictionsAreReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, from, to, want string
		goOnly               bool
	}{
		"no brokers":          {"input", "localhost:9092", `""`, complaintNoBrokers, false},
		"no topics":           {"input", "topics: [ a ]", "topics: []", complaintNoTopics, false},
		"a partition":         {"input", "topics: [ a ]", `topics: [ "a:3" ]`, complaintTopicOffset, false},
		"no group":            {"input", "group: g", `group: ""`, complaintNoGroup, false},
		"batch above limit":   {"input", "group: g", "group: g\nbatch_count: 10\ncheckpoint_limit: 9", complaintBatchCount, false},
		"batch of none":       {"input", "group: g", "group: g\nbatch_count: 0", complaintBatchCount, false},
		"slow heartbeat":      {"input", "group: g", "group: g\nheartbeat_interval: 3s\nsession_timeout: 8s", complaintHeartbeat, true},
		"no commits":          {"input", "group: g", "group: g\ncommit_period: 0s", "commit_period must be more than 0s", true},
		"a size of words":     {"input", "group: g", "group: g\nfetch_max_bytes: much", `fetch_max_bytes must be a size from 4KiB to 1GiB, such as 1MiB, and not "much"`, true},
		"a user without name": {"input", "group: g", "group: g\nsasl: [ { mechanism: PLAIN } ]", "sasl with PLAIN needs a username", true},
		"no topic":            {"output", "topic: a", `topic: ""`, complaintNoTopic, false},
		"no brokers at all":   {"output", "[ localhost:9092 ]", "[]", complaintNoBrokers, false},
		"too small":           {"output", "topic: a", "topic: a\nmax_message_bytes: 10B", `max_message_bytes must be a size from 4KiB to 1GiB, such as 1MiB, and not "10B"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good, complaint := goodInput, inputComplaint
			if c.kind == "output" {
				good, complaint = goodOutput, outputComplaint
			}
			require.Empty(t, complaint(t, good))
			require.Empty(t, lints(t, c.kind, good))
			bad := strings.Replace(good, c.from, c.to, 1)
			require.NotEqual(t, good, bad)
			require.Equal(t, c.want, complaint(t, bad))
			if !c.goOnly {
				require.Equal(t, c.want, lints(t, c.kind, bad))
			}
		})
	}
}
