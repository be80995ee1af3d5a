package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxTestNameWords leaves room for a clause; details belong into case names.
const maxTestNameWords = 9

// notYet are the folders whose prose is not checked yet.
var notYet = []string{
	"plugins/csvwatch/internal/finish", "plugins/csvwatch/internal/positions",
	"tests",
}

var (
	docComment = regexp.MustCompile(`(?m)^// (\w+) (gives|tells|says)\b`)
	testName   = regexp.MustCompile(`(?m)^func (?:Test|Fuzz)(\w+)\(`)
	nameWord   = regexp.MustCompile(`[A-Z]+(?:[A-Z]|$|_)|[A-Z][a-z0-9]*|[a-z0-9]+`)
)

func TestDocCommentsUseGoConventions(t *testing.T) {
	t.Parallel()
	eachGoFile(t, func(file, source string) {
		for _, match := range docComment.FindAllStringSubmatch(source, -1) {
			assert.Fail(t, "write `returns …`, `reports whether …` or what the name stands for", "%s: %s", file, match[0])
		}
	})
}

func TestTestNamesAreShort(t *testing.T) {
	t.Parallel()
	eachGoFile(t, func(file, source string) {
		for _, match := range testName.FindAllStringSubmatch(source, -1) {
			assert.LessOrEqual(t, len(nameWord.FindAllString(match[1], -1)), maxTestNameWords, "%s: the words of %s", file, match[1])
		}
	})
}

// eachGoFile calls visit with the name, relative to the root, and the source of every Go file.
func eachGoFile(t *testing.T, visit func(file, source string)) {
	t.Helper()
	root, err := findRoot()
	require.NoError(t, err)
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (slices.Contains(notYet, file) || file == ".git" || file == "data") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		source, err := os.ReadFile(filepath.Join(root, file))
		visit(file, string(source))
		return err
	}))
}
