package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyATemporaryFolderIsRemoved(t *testing.T) {
	t.Parallel()
	temporary, err := makeWorkdir("", t.TempDir())
	require.NoError(t, err)
	for name, value := range temporary.variables() {
		info, err := os.Stat(value)
		require.NoError(t, err, name)
		require.True(t, info.IsDir())
	}
	require.FileExists(t, filepath.Join(temporary.base, "config", "pipeline.yaml"))
	require.NoError(t, temporary.remove())
	require.NoDirExists(t, temporary.base)

	named, err := makeWorkdir(filepath.Join(t.TempDir(), "new", "folder"), "")
	require.NoError(t, err)
	require.NoError(t, named.remove())
	require.DirExists(t, named.events())

	require.EqualError(t, checkDir(named.base), "--dir "+named.base+": the folder is not empty: give an empty or a new one")
	require.ErrorContains(t, checkDir(filepath.Join(named.base, "config", "pipeline.yaml", "x")), "--dir: ")
}

func TestWrongOptionsAreErrors(t *testing.T) {
	t.Parallel()
	require.NoError(t, Options{Rate: 10, Dir: "/tmp/some folder", DSN: "postgres://u:p%23@h:5432/d?sslmode=disable"}.validate())
	require.EqualError(t, Options{Rate: 10, Dir: "/data[1]"}.validate(),
		`--dir: the pipeline reads the path "/data[1]" as a pattern, so none of the characters * ? [ ] { } " ' # $ ! may be in it`)
	for _, dsn := range []string{"host=h dbname=d", "mysql://h/d", "postgres://h/d #x", "postgres://u:%zz@h/d", "postgres://u:p@q@h/d"} {
		require.EqualError(t, Options{Rate: 10, DSN: dsn}.validate(),
			"--dsn: give a URL, such as postgres://user:password@host:5432/database, with special characters as %XX")
	}
}
