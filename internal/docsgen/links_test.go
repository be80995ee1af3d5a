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

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s#]*)(?:#([^)\s]*))?\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	codeFence       = regexp.MustCompile("(?ms)^```.*?^```")
	notInAnchors    = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

func TestLinksLeadToFilesAndHeadings(t *testing.T) {
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
		for _, link := range markdownLink.FindAllStringSubmatch(codeFence.ReplaceAllString(string(content), ""), -1) {
			target, anchor := file, link[2]
			if strings.Contains(link[1], "://") {
				continue
			}
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(file), link[1])
			}
			if _, err := os.Stat(target); !assert.NoError(t, err, "%s links to %s", file, link[1]) {
				continue
			}
			if anchor != "" {
				assert.Contains(t, anchorsOf(t, target), anchor, "%s links to %s#%s", file, link[1], anchor)
			}
		}
		return nil
	}))
}

// anchorsOf returns the anchors that GitHub gives to the headings of a page.
func anchorsOf(t *testing.T, page string) (anchors []string) {
	t.Helper()
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, heading := range markdownHeading.FindAllStringSubmatch(codeFence.ReplaceAllString(string(content), ""), -1) {
		name := notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading[1])), "")
		anchors = append(anchors, strings.ReplaceAll(name, " ", "-"))
	}
	return anchors
}
