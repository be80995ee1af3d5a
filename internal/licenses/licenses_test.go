// Package licenses checks that all that is compiled into the program is under
// an open licence. It holds a test and nothing else.
package licenses

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
	"github.com/stretchr/testify/require"
)

// open are the licences that a module may have.
var open = []string{"Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "MPL-2.0-no-copyleft-exception", "Unlicense", "Zlib"}

// publicDomain are modules whose LICENSE gives all rights away in words of its own.
var publicDomain = []string{"github.com/xi2/xz"}

// restricted is what the head of a source file says that is under another
// licence than its module: upstream keeps both kinds in one repository.
var restricted = regexp.MustCompile(`(?i)community\s+(//\s*)?license|business\s+source|enterprise\s+file|\brcl\.md|commons\s+clause|elastic\s+license|server\s+side\s+public`)

// dependency is a package as `go list` describes it.
type dependency struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Standard   bool
	Module     *struct {
		Path, Dir string
		Main      bool
	}
}

func TestEverythingCompiledInHasAnOpenLicence(t *testing.T) {
	t.Parallel()
	found := dependencies(t, "github.com/ecommerce-ingest/connect/cmd/connect", "github.com/ecommerce-ingest/connect/plugins/all")
	modules := map[string]bool{}
	for _, d := range found {
		if d.Standard || d.Module == nil || d.Module.Main {
			continue
		}
		for _, file := range append(d.GoFiles, d.CgoFiles...) {
			require.NoError(t, checkFile(filepath.Join(d.Dir, file)))
		}
		if !modules[d.Module.Path] && !slices.Contains(publicDomain, d.Module.Path) {
			modules[d.Module.Path] = true
			require.NoError(t, checkModule(d.Module.Dir), "the module %s", d.Module.Path)
		}
	}
	require.Greater(t, len(modules), 20, "these cannot be all")
}

// What linking the Kafka components of Redpanda Connect would compile in.
func TestAFileUnderARestrictedLicenceIsFound(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/redpanda-data/connect/v4").Output()
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	require.NoError(t, checkModule(dir))
	require.ErrorContains(t, checkFile(filepath.Join(dir, "internal", "serviceaccount", "oauth2.go")), "says that it is under another licence")
}

func dependencies(t *testing.T, packages ...string) []dependency {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,Standard,Module"}, packages...)...).Output()
	require.NoError(t, err)
	var all []dependency
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var d dependency
		err := decoder.Decode(&d)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, d)
	}
}

// checkFile reads what stands before the package clause.
func checkFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, _, _ := bytes.Cut(text, []byte("\npackage "))
	if words := restricted.Find(head); words != nil {
		return fmt.Errorf("%s says that it is under another licence: %q", path, words)
	}
	return nil
}

// checkModule reads the licences at the top of a module, or in its folder
// "licenses". One that is open is enough: some modules offer a choice.
func checkModule(dir string) error {
	found, err := licencesOf(dir)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(found, func(id string) bool { return slices.Contains(open, id) }) {
		return fmt.Errorf("no open licence is found in %s, only %q", dir, found)
	}
	return nil
}

// licencesOf returns the SPDX identifiers of a module's licences.
func licencesOf(dir string) (found []string, err error) {
	for _, pattern := range []string{"LICEN[CS]E*", "licen[cs]e*", "COPYING*", "licenses/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // a folder
			}
			for _, match := range licensecheck.Scan(text).Match {
				found = append(found, match.ID)
			}
		}
	}
	return found, nil
}
