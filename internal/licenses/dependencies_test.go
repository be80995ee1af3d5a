package licenses

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dependencyRow is a row of the table in docs/dependencies.md: module, licence, reason.
var dependencyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\S+) \\| (\\S.*) \\|$")

func TestDependenciesAreListedWithTheirLicence(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/dependencies.md")
	require.NoError(t, err)
	listed := map[string]string{}
	for _, row := range dependencyRow.FindAllStringSubmatch(string(page), -1) {
		listed[row[1]] = row[2]
	}

	for _, module := range directRequirements(t) {
		licence, ok := listed[module]
		delete(listed, module)
		if !assert.True(t, ok, "docs/dependencies.md does not list %s: add it with its licence and a reason", module) {
			continue
		}
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		require.NoError(t, err)
		found, err := licencesOf(string(dir[:len(dir)-1]))
		require.NoError(t, err)
		assert.Contains(t, found, licence, module)
	}
	assert.Empty(t, listed, "docs/dependencies.md lists modules that go.mod does not require directly: remove them")
}

func directRequirements(t *testing.T) (modules []string) {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	require.NoError(t, err)
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &mod))
	for _, r := range mod.Require {
		if !r.Indirect {
			modules = append(modules, r.Path)
		}
	}
	return modules
}
