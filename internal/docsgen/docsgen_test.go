package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shelfSpec has a field of each kind that pages render differently.
func shelfSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Local", "Utility").
		Summary("Puts messages on a shelf.").
		Description("\n== Order\n\nSee xref:guides:about.adoc[the guide] and https://example.org/page[this page^].").
		Fields(
			service.NewInterpolatedStringField("path").Description("Where the shelf is.").Example("a/b").Example("c"),
			service.NewStringAnnotatedEnumField("side", map[string]string{"left": "By the wall | window."}).
				Description("Which side.").Default("left"),
			service.NewStringListField("labels").Description("What is written on it.").Optional(),
			service.NewObjectField("lock", service.NewStringField("code").Description("Its number.").Secret()).
				Description("How it is locked.").Advanced(),
		).
		Example("One shelf", "The least there is.", "\noutput:\n  shelf:\n    path: a\n")
}

func environmentWithAShelf(t *testing.T) *service.Environment {
	t.Helper()
	env := service.NewEmptyEnvironment()
	require.NoError(t, env.RegisterBatchOutput("left_shelf", shelfSpec(), nil))
	return env
}

func TestAPageShowsTheWholeSpec(t *testing.T) {
	t.Parallel()
	shelf := registeredByFolder(environmentWithAShelf(t), bloblang.NewEmptyEnvironment())["leftshelf"]
	require.Len(t, shelf, 1)
	page, err := render(shelf[0].view)
	require.NoError(t, err)

	want, err := os.ReadFile(filepath.Join("testdata", "left_shelf.md"))
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), page)
}

func TestAPluginFolderIdentifiesItsComponent(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "plugins", "leftshelf"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "plugins", "all"), 0o755))

	components, err := find(root, environmentWithAShelf(t), bloblang.NewEmptyEnvironment())
	require.NoError(t, err)
	require.Len(t, components, 1)
	assert.Equal(t, "left_shelf", components[0].name)
	assert.Equal(t, "output", components[0].kind)
}

func TestAFolderWithoutAComponentIsAnError(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "plugins", "rightshelf"), 0o755))

	_, err := find(root, environmentWithAShelf(t), bloblang.NewEmptyEnvironment())
	require.EqualError(t, err, "plugins/rightshelf registers no component or method of that name (underscores aside); is it imported by plugins/all?")
}

func TestThePageOfARemovedPluginIsDeleted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "docs")
	require.NoError(t, write(dir, map[string]string{"a.md": "a\n", "b.md": "b\n"}))
	require.NoError(t, write(dir, map[string]string{"b.md": "c\n"}))

	pages, err := readPages(dir)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"b.md": "c\n"}, pages)
}

func TestMarkdownAndCodeAreUnchanged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"See [the guide](https://example.org/a) and `== x`.",
		"```yaml\n== not a heading\nurl: https://example.org[x]\n```",
		"a == b",
	} {
		assert.Equal(t, text, toMarkdown(text))
	}
}

func TestComponentsOfOneNameHaveSeparatePages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "plugins", "leftshelf"), 0o755))
	env := environmentWithAShelf(t)
	require.NoError(t, env.RegisterBatchInput("left_shelf", shelfSpec(), nil))

	pages, err := generate(root, env, bloblang.NewEmptyEnvironment())
	require.NoError(t, err)
	require.Contains(t, pages, "left_shelf_input.md")
	require.Contains(t, pages, "left_shelf_output.md")
	require.Contains(t, pages["README.md"], "[`left_shelf`](left_shelf_input.md)")
	require.NotContains(t, pages, "left_shelf.md")
}
