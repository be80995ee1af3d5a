package ecommerceevents

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	_ "github.com/ecommerce-ingest/connect/plugins/csvfiles" // an example writes to it
)

func parse(t testing.TB, yaml string) (config, error) {
	parsed, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	return configFromParsed(parsed)
}

func lint(t testing.TB, yaml string) (messages []string) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	lints, err := linter.LintInputYAML([]byte("ecommerce_events:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
	require.NoError(t, err)
	for _, l := range lints {
		messages = append(messages, l.What)
	}
	return messages
}

func TestWrongSettingsFailLintAndParsing(t *testing.T) {
	t.Parallel()
	const (
		badDuration = "interval must be a duration such as 5s or 100ms, or '' for as fast as possible; cron expressions are not supported"
		cartRule    = "weights.remove_from_cart and weights.purchase together must not exceed weights.add_to_cart: a product is added to a cart before it is removed or bought"
		badStart    = "start_time must be in the format of RFC 3339, such as 2024-01-31T00:00:00Z, or '' for now"
	)
	for _, c := range []struct{ yaml, lint, err string }{
		{`interval: soon`, badDuration,
			`interval: "soon" is not a duration such as 5s or 100ms; cron expressions are not supported, and '' means as fast as possible`},
		{`interval: '@every 5s'`, badDuration,
			`interval: "@every 5s" is not a duration such as 5s or 100ms; cron expressions are not supported, and '' means as fast as possible`},
		{`interval: -1s`, "interval must not be negative: write a duration such as 5s, or '' for as fast as possible", ""},
		{`batch_size: 0`, "batch_size must be at least 1", ""},
		{`count: -3`, "count must not be negative: write 0 to never stop", ""},
		{`users: 0`, "users must be from 1 to 10000000", ""},
		{`users: 10000001`, "users must be from 1 to 10000000", ""},
		{`products: 0`, "products must be from 1 to 1000000", ""},
		{`products: 1000001`, "products must be from 1 to 1000000", ""},
		{`start_time: yesterday`, badStart,
			`start_time: "yesterday" is not a time in the format of RFC 3339, such as 2024-01-31T00:00:00Z, and '' means now`},
		{`start_time: "2024-01-31 00:00:00"`, badStart,
			`start_time: "2024-01-31 00:00:00" is not a time in the format of RFC 3339, such as 2024-01-31T00:00:00Z, and '' means now`},
		{`start_time: "1969-01-01T00:00:00Z"`, "start_time must lie from the year 1970 to the year 2199", ""},
		{`start_time: "2201-01-01T00:00:00Z"`, "start_time must lie from the year 1970 to the year 2199", ""},
		{`weights: {view: 0, add_to_cart: 0, remove_from_cart: 0, purchase: 0}`, "weights.view must be above 0: every session begins with a view", ""},
		{`weights: {view: -1}`, "weights must be numbers from 0 to 1e9", ""},
		{`weights: {view: 4}`, "weights.add_to_cart must not exceed weights.view: a product is viewed before it is added to a cart", ""},
		{`weights: {purchase: 4.5}`, cartRule, ""},
		{`weights: {remove_from_cart: 9}`, cartRule, ""},
		{`faults: {late: 1.5}`, "faults must be shares from 0 to 1, such as 0.01 for one message in a hundred", ""},
		{`faults: {malformed: -0.1}`, "faults must be shares from 0 to 1, such as 0.01 for one message in a hundred", ""},
		{`faults: {malformed: 0.5, duplicates: 0.5, late: 0.1}`, "faults must not add up to more than 1: a message has at most one fault", ""},
	} {
		t.Run(c.yaml, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, []string{c.lint}, lint(t, c.yaml))
			want := c.err
			if want == "" {
				want = c.lint
			}
			_, err := parse(t, c.yaml)
			assert.EqualError(t, err, want)
		})
	}
}

func TestGoodSettingsHaveNoLint(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		`{}`,
		`interval: ""`,
		`interval: 0s`,
		`interval: "0"`,
		`interval: 1h30m`,
		`interval: 1.5ms`,
		`interval: 250µs`,
		`start_time: "2024-01-31T10:00:00.5+02:00"`,
		`weights: {view: 1, add_to_cart: 0, remove_from_cart: 0, purchase: 0}`,
		`weights: {add_to_cart: 3}`,
		`faults: {malformed: 1}`,
		`faults: {malformed: 0.7, duplicates: 0.2, late: 0.1}`,
	} {
		t.Run(yaml, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, lint(t, yaml))
			_, err := parse(t, yaml)
			assert.NoError(t, err)
		})
	}
}

func TestDefaultsAreThoseOfGenerate(t *testing.T) {
	t.Parallel()
	c, err := parse(t, `{}`)
	require.NoError(t, err)
	assert.Equal(t, time.Second, c.interval)
	assert.Equal(t, 1, c.batchSize)
	assert.Equal(t, 0, c.count)
	assert.True(t, c.autoReplayNacks)
	assert.NotZero(t, c.seed, "0 stands for a random seed")
	assert.True(t, c.start.IsZero())
	assert.Equal(t, time.Second, c.meanGap)

	other, err := parse(t, `{}`)
	require.NoError(t, err)
	assert.NotEqual(t, c.seed, other.seed)
}

func TestTheMeanGapFollowsFromTheInterval(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]time.Duration{
		"interval: 5s\nbatch_size: 10":                   500 * time.Millisecond,
		"interval: ''":                                   0,
		"interval: ''\nstart_time: 2024-01-31T00:00:00Z": defaultGap,
	} {
		c, err := parse(t, yaml)
		require.NoError(t, err)
		assert.Equal(t, want, c.meanGap, yaml)
	}
}

func TestExamplesHaveNoLint(t *testing.T) {
	t.Parallel()
	conf, ok := service.GlobalEnvironment().GetInputConfig("ecommerce_events")
	require.True(t, ok)
	data, err := conf.TemplateData()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(data.Examples), 2)
	linter := service.GlobalEnvironment().CoreConfigSchema("", "").NewStreamConfigLinter()
	for i, example := range data.Examples {
		t.Run(fmt.Sprint(i, " ", example.Title), func(t *testing.T) {
			lints, err := linter.LintYAML([]byte(example.Config))
			require.NoError(t, err)
			assert.Empty(t, lints)
		})
	}
}
