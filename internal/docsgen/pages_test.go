package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

func TestThePagesAreUpToDate(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	require.NoError(t, err)
	want, err := generate(root, service.GlobalEnvironment(), bloblang.GlobalEnvironment())
	require.NoError(t, err)
	have, err := readPages(filepath.Join(root, pagesDir))
	require.NoError(t, err)

	const remedy = "; run `go run ./internal/docsgen` and commit what it writes"
	for name, page := range want {
		written, exists := have[name]
		if !exists {
			t.Errorf("%s/%s is missing%s", pagesDir, name, remedy)
			continue
		}
		if line, fromSpec, onPage := firstDifference(page, written); line > 0 {
			t.Errorf("%s/%s is stale: line %d should be\n\t%s\nbut is\n\t%s\n%s", pagesDir, name, line, fromSpec, onPage, remedy[2:])
		}
	}
	for name := range have {
		assert.Contains(t, want, name, "%s/%s belongs to no plugin%s", pagesDir, name, remedy)
	}
}

// firstDifference returns the number and both versions of the first line in which
// two texts differ, or 0 if they are equal.
func firstDifference(a, b string) (number int, inA, inB string) {
	linesA, linesB := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(linesA), len(linesB)) {
		inA, inB = "(the end)", "(the end)"
		if i < len(linesA) {
			inA = linesA[i]
		}
		if i < len(linesB) {
			inB = linesB[i]
		}
		if inA != inB {
			return i + 1, inA, inB
		}
	}
	return 0, "", ""
}

// Users copy the examples, so each must be a config without lint.
func TestEveryExampleInASpecPassesTheLinter(t *testing.T) {
	root, err := findRoot()
	require.NoError(t, err)
	t.Chdir(root) // examples may name files of the repository
	env := service.GlobalEnvironment()
	linter := env.FullConfigSchema("", "").NewStreamConfigLinter().
		SetRejectDeprecated(true).
		SetSkipEnvVarCheck(true)

	components, err := find(root, env, bloblang.GlobalEnvironment())
	require.NoError(t, err)
	for _, c := range components {
		if c.method != nil {
			continue
		}
		data, err := c.view.TemplateData()
		require.NoError(t, err)
		assert.NotEmpty(t, data.Examples, "%s has no example", c.name)
		for _, example := range data.Examples {
			t.Run(c.name+"/"+example.Title, func(t *testing.T) {
				lints, err := linter.LintYAML([]byte(example.Config))
				require.NoError(t, err)
				for _, lint := range lints {
					t.Errorf("line %d: %s\n%s", lint.Line, lint.What, example.Config)
				}
			})
		}
	}
}

func TestEveryExampleOfAMethodHoldsTrue(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	require.NoError(t, err)
	components, err := find(root, service.GlobalEnvironment(), bloblang.GlobalEnvironment())
	require.NoError(t, err)
	for _, c := range components {
		if c.method == nil {
			continue
		}
		data := c.method.TemplateData()
		assert.NotEmpty(t, data.Version, "%s does not name the version that introduced it", c.name)
		require.Len(t, data.Categories, 1, "%s needs one category", c.name)
		require.NotEmpty(t, data.Categories[0].Examples, "%s has no example", c.name)
		for _, example := range data.Categories[0].Examples {
			mapping, err := bloblang.Parse(example.Mapping)
			require.NoError(t, err, example.Mapping)
			for _, result := range example.Results {
				out, err := service.NewMessage([]byte(result[0])).BloblangQuery(mapping)
				require.NoError(t, err, result[0])
				got, err := out.AsBytes()
				require.NoError(t, err)
				assert.JSONEq(t, result[1], string(got), result[0])
			}
		}
	}
}

func TestEveryComponentIsFullyDescribed(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	require.NoError(t, err)
	components, err := find(root, service.GlobalEnvironment(), bloblang.GlobalEnvironment())
	require.NoError(t, err)
	for _, c := range components {
		if c.method != nil {
			continue
		}
		data, err := c.view.TemplateData()
		require.NoError(t, err)
		assert.NotEmpty(t, data.Summary, "%s has no summary", c.name)
		assert.NotEmpty(t, data.Description, "%s has no description", c.name)
		assert.NotEmpty(t, data.Categories, "%s has no categories", c.name)
		assert.NotEmpty(t, data.Version, "%s does not name the version that introduced it", c.name)
		for _, f := range data.Fields {
			assert.NotContains(t, f.Description, "missing documentation", "%s: the field %s has no description", c.name, f.FullName)
		}
	}
}
