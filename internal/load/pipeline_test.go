package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPipelineIsEditedAndOtherwiseLeftAlone(t *testing.T) {
	t.Parallel()
	p, err := parsePipeline([]byte(`# shop
input:
  csv_watch:
    paths: [ "${EVENTS_DIR:data}/*.csv" ] # all
output:
  postgres_copy: { dsn: "${POSTGRES_DSN}", table: t }
`))
	require.NoError(t, err)
	require.NoError(t, p.prepare([]string{"a[1].csv"}))
	text, err := p.text()
	require.NoError(t, err)
	require.Equal(t, `# shop
input:
    csv_watch:
        paths:
            - a\[1\].csv
        exit_after_read: true
output:
    fallback:
        - postgres_copy: {dsn: "${POSTGRES_DSN}", table: t}
        - drop: {}
`, text)
}

func TestWhatCannotBeLoadedIsNamed(t *testing.T) {
	t.Parallel()
	for yaml, message := range map[string]string{
		"a: [":                         "parsing the YAML: yaml: line 1: did not find expected node content",
		"- a":                          "parsing the YAML: a pipeline is an object with an input and an output",
		"input: { generate: {} }":      "the pipeline's `input` is no `csv_watch`: only files can be loaded",
		"input: { csv_watch: nobody }": "the pipeline has no input.csv_watch that is an object",
	} {
		p, err := parsePipeline([]byte(yaml))
		if err == nil {
			err = p.prepare(nil)
		}
		require.EqualError(t, err, message)
	}
}
