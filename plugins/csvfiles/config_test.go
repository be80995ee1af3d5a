package csvfiles

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	_ "github.com/ecommerce-ingest/connect/plugins/ecommerceevents" // examples read from it
)

func parse(t testing.TB, yaml string) (config, error) {
	parsed, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	return configFromParsed(parsed)
}

func lint(t testing.TB, yaml string) (messages []string) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	lints, err := linter.LintOutputYAML([]byte("csv_files:\n  " + strings.ReplaceAll(yaml, "\n", "\n  ")))
	require.NoError(t, err)
	for _, l := range lints {
		messages = append(messages, l.What)
	}
	return messages
}

func TestWrongSettingsFailLintAndParsing(t *testing.T) {
	t.Parallel()
	const (
		badDelimiter = "delimiter must be one character, neither a quote nor a line end"
		badGzip      = "path ends in .gz but nothing is compressed: set compression to gzip, or leave .gz out of the path"
	)
	for _, c := range []struct{ yaml, lint, err string }{
		{`path: ""`, "path must name a file, such as data/events/events-${! timestamp_unix_nano() }.csv", ""},
		{`path: x.csv.gz`, badGzip, ""},
		{"path: x-${! uuid_v4() }.gz\ncompression: none", badGzip, ""},
		{"path: x\ncolumns: [ a, '' ]", "columns must not hold an empty name", ""},
		{"path: x\ncolumns: [ a, b, a ]", "columns must not name a column twice", ""},
		{"path: x\ndelimiter: ''", badDelimiter, badDelimiter + `, got ""`},
		{"path: x\ndelimiter: ';;'", badDelimiter, badDelimiter + `, got ";;"`},
		{"path: x\ndelimiter: '\"'", badDelimiter, badDelimiter + `, got "\""`},
		{"path: x\ndelimiter: \"\\n\"", badDelimiter, badDelimiter + `, got "\n"`},
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

func TestUnknownFieldsAndOptionsFailLint(t *testing.T) {
	t.Parallel()
	assert.Len(t, lint(t, "path: x\ncompression: zip"), 1)
	assert.Len(t, lint(t, "path: x\nunknown_fields: drop"), 1)
	assert.Len(t, lint(t, "path: x\nheaders: true"), 1)
	assert.Len(t, lint(t, "{}"), 1)
}

func TestGoodSettingsHaveNoLint(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		`path: x.csv`,
		"path: x.csv.gz\ncompression: gzip",
		"path: x.csv\ncompression: gzip",
		"path: x\ncolumns: [ a, b ]\nunknown_fields: ignore\nheader: false",
		"path: x\ndelimiter: \"\\t\"",
		"path: x\ndelimiter: §",
		"path: x\nmax_in_flight: 4\nbatching: { count: 10, period: 1s }",
	} {
		t.Run(yaml, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, lint(t, yaml))
			_, err := parse(t, yaml)
			assert.NoError(t, err)
		})
	}
}

func TestExamplesHaveNoLint(t *testing.T) {
	t.Parallel()
	conf, ok := service.GlobalEnvironment().GetOutputConfig("csv_files")
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
