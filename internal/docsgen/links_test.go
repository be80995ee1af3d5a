package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var markdownLink = regexp.MustCompile(`\]\(([^)\s#]+)(#[^)\s]*)?\)`)

func TestEveryLinkWithinTheRepositoryLeadsSomewhere(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "data" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if filepath.Ext(file) != ".md" {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, link := range markdownLink.FindAllStringSubmatch(string(content), -1) {
			if !strings.Contains(link[1], "://") {
				_, err := os.Stat(filepath.Join(filepath.Dir(file), link[1]))
				assert.NoError(t, err, "%s links to %s", file, link[1])
			}
		}
		return nil
	}))
}
