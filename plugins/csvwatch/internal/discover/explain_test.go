package discover

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Not parallel: it changes the working directory.
func TestAPatternThatMatchesNothingIsExplainedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		globs, exclude []string
		files          []string // an hour old
		warning, info  string
	}{
		"capital letters":   {globs: []string{"in/*.csv"}, files: []string{"in/A.CSV"}, warning: "No file matches in/*.csv: A.CSV differs in capital letters, which patterns tell apart: add in/*.CSV"},
		"of two extensions": {globs: []string{"in/*.csv.gz"}, files: []string{"in/a.CSV.GZ"}, warning: "No file matches in/*.csv.gz: a.CSV.GZ differs in capital letters, which patterns tell apart: add in/*.CSV.GZ"},
		"of the name":       {globs: []string{"in/shop-*.csv"}, files: []string{"in/Shop-1.csv"}, warning: "No file matches in/shop-*.csv: Shop-1.csv differs in capital letters, which patterns tell apart"},
		"a folder's brackets": {
			globs: []string{"in/[2024] export/*.csv"}, files: []string{"in/[2024] export/a.csv"},
			warning: `No file matches in/[2024] export/*.csv: brackets and braces have a meaning in patterns. For the one that is named in/[2024] export write in/\[2024\] export/*.csv`,
		},
		"a file's brackets": {
			globs: []string{"in/report[1].csv"}, files: []string{"in/report[1].csv"},
			warning: `No file matches in/report[1].csv: brackets and braces have a meaning in patterns. For the one that is named in/report[1].csv write in/report\[1\].csv`,
		},
		"a folder below":   {globs: []string{"in/*.csv"}, files: []string{"in/2024/a.csv"}, warning: "No file matches in/*.csv: 2024/a.csv is in a folder below: write in/**/*.csv"},
		"hidden":           {globs: []string{"in/*.csv"}, files: []string{"in/_a.csv"}, warning: "No file matches in/*.csv: _a.csv is left out, as hidden or unfinished by its name: rename it, or set include_hidden"},
		"excluded":         {globs: []string{"in/*.csv"}, exclude: []string{"a*"}, files: []string{"in/a.csv"}, warning: "No file matches in/*.csv: a.csv is left out by exclude_patterns"},
		"others":           {globs: []string{"in/*.csv"}, files: []string{"in/a.txt", "in/b.txt", "in/c.txt", "in/d.txt"}, warning: "No file matches in/*.csv: in has a.txt, b.txt, c.txt and 1 more"},
		"nothing":          {globs: []string{"in/*.csv", "in/*.csv.gz"}, info: "No file matches in/*.csv yet: in is empty"},
		"one of two":       {globs: []string{"in/*.csv", "in/*.csv.gz"}, files: []string{"in/a.csv", "in/b.txt"}},
		"one nearly":       {globs: []string{"in/*.csv", "in/*.tsv"}, files: []string{"in/a.csv", "in/b.TSV"}, warning: "No file matches in/*.tsv: b.TSV differs in capital letters, which patterns tell apart: add in/*.TSV"},
		"finished files":   {globs: []string{"in/*.csv"}, files: []string{"in/done/a.csv"}, info: "No file matches in/*.csv yet: in is empty"},
		"no folder at all": {globs: []string{"none/*.csv"}, warning: "directory none does not exist yet: it is looked for every poll_interval"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			require.NoError(t, os.Mkdir("in", 0o755))
			for _, file := range c.files {
				path := write(t, dir, file, "1")
				old := time.Now().Add(-time.Hour)
				require.NoError(t, os.Chtimes(path, old, old))
			}
			p, err := Compile(c.globs, c.exclude, false, filepath.Join("in", "done"))
			require.NoError(t, err)
			r := &recorder{}
			s := New(p, r, r, nil, nil)
			for range 3 {
				require.NoError(t, s.Scan(t.Context(), true))
				s.unmatched.next = time.Time{}
			}
			require.Equal(t, one(c.warning), r.warnings)
			require.Equal(t, one(c.info), r.infos)
		})
	}
}

func one(line string) []string {
	if line == "" {
		return nil
	}
	return []string{line}
}

func TestAdvisedPatternsMatch(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"[2024] export", "a{b}", "report[1].csv", "[[x]]"} {
		p, err := Compile([]string{"in/" + escape(name)}, nil, false)
		require.NoError(t, err)
		require.True(t, p.Match(filepath.Join("in", name)), escape(name))
	}
}

func TestAPatternIsExplainedWhenFilesComeLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, r := scannerOf(t, dir, false)
	require.NoError(t, s.Scan(t.Context(), false))
	require.Len(t, r.infos, 1)
	write(t, dir, "A.CSV", "1")
	s.unmatched.next = time.Time{}
	letTimePass(s)
	require.NoError(t, s.Scan(t.Context(), false))
	require.Len(t, r.warnings, 1)
	require.Contains(t, r.warnings[0], "A.CSV differs in capital letters")
	write(t, dir, "a.csv", "1")
	letTimePass(s)
	require.NoError(t, s.Scan(t.Context(), false))
	found, _ := r.take()
	require.Equal(t, []string{"a.csv"}, found)
	require.Len(t, r.warnings, 1)
}
