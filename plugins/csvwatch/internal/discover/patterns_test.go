package discover

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func compile(t *testing.T, globs []string, exclude ...string) *Patterns {
	t.Helper()
	p, err := Compile(globs, exclude, false)
	require.NoError(t, err)
	return p
}

func TestGlobsMatchLikeAShellWithDoubleStars(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		glob     string
		yes, not []string
	}{
		{"a.csv", []string{"a.csv"}, []string{"b.csv", "x/a.csv", "/a.csv"}},
		{"in/*.csv", []string{"in/a.csv", "in/a b,ü.csv"}, []string{"in/a.txt", "in/x/a.csv", "other/a.csv", "inn/a.csv"}},
		{"in/**/*.csv", []string{"in/a.csv", "in/x/a.csv", "in/x/y/a.csv"}, []string{"a.csv", "in/x/a.txt"}},
		{"/srv/*/in/**", []string{"/srv/x/in/a", "/srv/x/in/y/z"}, []string{"/srv/x/out/a", "srv/x/in/a"}},
		{"in/{a,b}/*.{csv,tsv}", []string{"in/a/x.csv", "in/b/x.tsv"}, []string{"in/c/x.csv", "in/a/x.txt"}},
		{"in/{a/deep,b}/*.csv", []string{"in/a/deep/x.csv", "in/b/x.csv"}, []string{"in/a/x.csv"}},
		{"in/[0-9]*.csv", []string{"in/1.csv", "in/12.csv"}, []string{"in/a.csv"}},
		{`in/\[x\].csv`, []string{"in/[x].csv"}, []string{"in/x.csv"}},
		{"./in/../in/*.csv", []string{"in/a.csv"}, nil},
		{"*/*.csv", []string{"x/a.csv"}, []string{"a.csv", "x/y/a.csv"}},
	} {
		p := compile(t, []string{c.glob})
		for _, path := range c.yes {
			require.True(t, p.Match(filepath.FromSlash(path)), "%s and %s", c.glob, path)
			for dir := filepath.Dir(filepath.FromSlash(path)); dir != "." && dir != p.Bases()[0] && dir != "/"; dir = filepath.Dir(dir) {
				require.True(t, p.Enters(dir), "%s enters %s", c.glob, dir)
			}
		}
		for _, path := range c.not {
			require.False(t, p.Match(filepath.FromSlash(path)), "%s and %s", c.glob, path)
		}
	}
}

func TestDirectoriesThatCannotMatchAreNotEntered(t *testing.T) {
	t.Parallel()
	for glob, dirs := range map[string][]string{
		"in/*.csv":             {"in/x"},
		"in/a*/*.csv":          {"in/b", "in/ab/x"},
		"in/**/deep/*.csv":     {"other"},
		"in/{a,b}/*.csv":       {"in/a/x"},
		"in/x/*.csv":           {"in/y"},
		"/srv/*/in/**/*.csv":   {"/srv/x/out", "/usr"},
		"in/**/archive/*.csv":  {"in/.git", "in/_temporary"},
		"in/{a,b/**}/*.csv.gz": {"elsewhere"},
	} {
		p := compile(t, []string{glob})
		for _, dir := range dirs {
			require.False(t, p.Enters(filepath.FromSlash(dir)), "%s and %s", glob, dir)
		}
	}
}

func TestNamesOfUnfinishedFilesAreIgnored(t *testing.T) {
	t.Parallel()
	p := compile(t, []string{"in/**"})
	for _, path := range []string{".a", "_a", "x/.a", ".x/a", "_x/a", "a.tmp", "a.temp", "a.part", "a.partial", "a.filepart", "a~"} {
		require.False(t, p.Match("in/"+path), path)
	}
	require.True(t, p.Match("in/a_b.csv"))
	named := compile(t, []string{"in/_*", "in/*.part", ".hidden/*.csv"})
	require.True(t, named.Match("in/_a"))
	require.True(t, named.Match("in/a.part"))
	require.True(t, named.Match(".hidden/a.csv"))
	require.False(t, named.Match("in/.a"))
	every, err := Compile([]string{"in/**"}, nil, true)
	require.NoError(t, err)
	require.True(t, every.Match("in/.x/_a.tmp"))
}

func TestExcludePatterns(t *testing.T) {
	t.Parallel()
	p := compile(t, []string{"in/**/*.csv"}, "old*", "**/archive/**", "in/x/y.csv", "z/*.csv")
	for path, want := range map[string]bool{
		"in/a.csv": true, "in/old.csv": false, "in/x/old-1.csv": false, "in/archive/a.csv": false, "in/x/archive/b/a.csv": false,
		"in/x/y.csv": false, "in/z/a.csv": false, "in/x/z/a.csv": true, "in/bold.csv": true,
	} {
		require.Equal(t, want, p.Match(filepath.FromSlash(path)), path)
	}
	require.False(t, p.Enters(filepath.FromSlash("in/old")))
}

func TestTheDirectoryForFinishedFilesIsNeverEntered(t *testing.T) {
	t.Parallel()
	p, err := Compile([]string{"in/**/*.csv"}, nil, false, "in/done", "")
	require.NoError(t, err)
	require.True(t, p.Match(filepath.FromSlash("in/a.csv")))
	require.False(t, p.Match(filepath.FromSlash("in/done/a.csv")))
	require.False(t, p.Enters(filepath.FromSlash("in/done")))
	require.True(t, p.Enters(filepath.FromSlash("in/done-not")))
}

func TestAvoidedPathsMatchInAnySpelling(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	require.NoError(t, err)
	for _, base := range []string{"in", filepath.Join(here, "in")} {
		for _, done := range []string{"in/done", "./in/x/../done", filepath.Join(here, "in", "done")} {
			p, err := Compile([]string{filepath.ToSlash(base) + "/**"}, nil, false, done, "in/state/positions.log")
			require.NoError(t, err)
			require.False(t, p.Match(filepath.Join(base, "done", "a.csv")), "%s in %s", done, base)
			require.False(t, p.Enters(filepath.Join(base, "done")))
			require.False(t, p.Match(filepath.Join(base, "state", "positions.log")))
			require.True(t, p.Match(filepath.Join(base, "state", "a.csv")))
		}
	}
}

func TestADirectoryAboveTheFilesMayBeAvoided(t *testing.T) {
	t.Parallel()
	for _, avoid := range []string{"data", ".", "..", "/"} {
		p, err := Compile([]string{"data/in/*.csv", "data/in/**/*.csv"}, nil, false, avoid)
		require.NoError(t, err)
		require.True(t, p.Match(filepath.FromSlash("data/in/a.csv")), avoid)
		require.True(t, p.Enters(filepath.FromSlash("data/in/sub")), avoid)
	}
}
