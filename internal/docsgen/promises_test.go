package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheTableOfPromisesIsFresh(t *testing.T) {
	t.Parallel()
	root, err := findRoot()
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, promisesPage))
	require.NoError(t, err)
	page = []byte(strings.ReplaceAll(string(page), "\r\n", "\n"))
	fresh, err := withPromises(root, page)
	require.NoError(t, err)
	line, want, have := firstDifference(string(fresh), string(page))
	assert.Zero(t, line, "%s is stale: line %d should be\n\t%s\nbut is\n\t%s\nrun `go run ./internal/docsgen` and commit what it writes", promisesPage, line, want, have)
}

func TestProofsAreFoundByTheirDirective(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "a")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b_test.go"), []byte(`package a

// TestX proves two things.
//
//promise:no-loss
//promise:one-row
func TestX(t *testing.T) {}

// A comment that mentions promise:finish proves nothing.
func TestY(t *testing.T) {}
`), 0o600))
	proofs, err := findProofs(root)
	require.NoError(t, err)
	assert.Equal(t, map[string][]proof{"no-loss": {{"a", "TestX"}}, "one-row": {{"a", "TestX"}}}, proofs)
}

func TestPromisesAndTestsMatch(t *testing.T) {
	t.Parallel()
	_, err := promisesTable(map[string][]proof{"no-los": {{"a", "TestX"}}})
	require.Error(t, err)
	assert.Contains(t, err.Error(), "no test has the line //promise:no-loss")
	assert.Contains(t, err.Error(), "TestX in a names no promise: no-los")
}
