package mappingfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/mappingfile"
)

// write makes the files, and returns a function that parses an import of one.
func write(t *testing.T, files map[string]string) (parse func(name string) error, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return func(name string) error {
		_, err := mappingfile.Environment().Parse(`from "` + filepath.ToSlash(filepath.Join(dir, name)) + `"`)
		return err
	}, dir
}

func TestAnErrorNamesItsFileAndLine(t *testing.T) {
	t.Parallel()
	parse, dir := write(t, map[string]string{
		"typo.blobl":         "# A comment.\nroot.a = this.a\nroot.b = this.b.lowercas()\n",
		"bracket.blobl":      "root.a = this.a.lowercase(\nroot.b = 1\n",
		"outer.blobl":        "import \"./below/maps.blobl\"\nroot = this.apply(\"a\")\n",
		"below/maps.blobl":   "map a {\n  root = this.b.nothing()\n}\n",
		"below/circle.blobl": "from \"./circle.blobl\"",
	})
	for name, want := range map[string]string{
		"typo.blobl":         "DIR/typo.blobl(3,27): unrecognised method 'lowercas'",
		"bracket.blobl":      "DIR/bracket.blobl(2,8): required: expected comma or closing bracket, got: = 1",
		"outer.blobl":        "DIR/below/maps.blobl(2,26): unrecognised method 'nothing'",
		"below/circle.blobl": "DIR/below/circle.blobl imports itself",
		"none.blobl":         "DIR/none.blobl: no such file or directory",
	} {
		require.ErrorContains(t, parse(name), strings.ReplaceAll(want, "DIR", dir), name)
	}
}

func TestGoodFilesAreImported(t *testing.T) {
	t.Parallel()
	parse, _ := write(t, map[string]string{
		"outer.blobl":      "import \"./below/maps.blobl\"\nroot = this.apply(\"a\")\n",
		"below/maps.blobl": "map a {\n  root = this.b.lowercase()\n}\n",
	})
	require.NoError(t, parse("outer.blobl"))
}
