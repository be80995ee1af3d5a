package postgrescopy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table that compares this output with others says of each statement where
// it can be looked up: ours by the name of a test, the others' by a footnote.
func TestTheComparisonWithOtherSinksNamesItsSources(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.FromSlash("../../docs/comparison-sinks.md"))
	require.NoError(t, err)
	page := string(raw)

	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "internal/pgvalue/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			code.Write(source)
		}
	}
	for _, name := range regexp.MustCompile("`((?:Test|Benchmark|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(page, -1) {
		assert.Contains(t, code.String(), "func "+name[1]+"(", "the comparison names it")
	}

	footnote := regexp.MustCompile(`\[\^([a-z0-9-]+)\]`)
	for line := range strings.Lines(page) {
		if defined := regexp.MustCompile(`^\[\^[a-z0-9-]+\]: .*\(https://`); strings.HasPrefix(line, "[^") {
			assert.Regexp(t, defined, line)
			continue
		}
		for _, used := range footnote.FindAllStringSubmatch(line, -1) {
			assert.Contains(t, page, "\n[^"+used[1]+"]: ")
		}
		cells := strings.Split(line, "|")
		if len(cells) != 4 || strings.HasPrefix(strings.TrimSpace(cells[1]), "-") || strings.TrimSpace(cells[1]) == "Sink" {
			continue // no row of the tables feature by feature
		}
		hasSource := footnote.MatchString(line) || strings.Contains(line, "ot found")
		if strings.TrimSpace(cells[1]) == "ours" {
			hasSource = strings.Contains(line, "`Test")
		}
		assert.True(t, hasSource, "no source is named: %s", line)
	}
}
