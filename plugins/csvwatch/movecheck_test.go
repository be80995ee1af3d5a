package csvwatch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADirectoryForFinishedFilesIsNotWatched(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		paths, move string
		link, to    string // a symbolic link
		want        string
	}{
		"outside":                       {"in/**/*.csv", "done", "", "", ""},
		"within, by its own path":       {"in/**/*.csv", "in/done", "", "", ""},
		"the same":                      {"in/*.csv", "in", "", "", "where files are read from: name another directory, such as one in it"},
		"the same through a link":       {"in/*.csv", "link", "link", "in", "where files are read from: name another directory, such as one in it"},
		"a link in what is watched":     {"in/**/*.csv", "done", "in/old", "done", "which is watched as {in/old} by way of a symbolic link: name a directory that no pattern of paths leads to"},
		"a link to the one above":       {"in/**/*.csv", "all/done", "in/old", "all", "which is watched as {in/old/done} by way of a symbolic link: name a directory that no pattern of paths leads to"},
		"a link to where it will be":    {"in/**/*.csv", "all/new/done", "in/old", "all", "which is watched as {in/old/new/done} by way of a symbolic link: name a directory that no pattern of paths leads to"},
		"its path goes through a link":  {"in/**/*.csv", "link/done", "link", "in/sub", "which is watched as {in/sub/done} by way of a symbolic link: name a directory that no pattern of paths leads to"},
		"a link that no pattern enters": {"in/*.csv", "done", "in/old", "done", ""},
		"a file":                        {"in/*.csv", "file", "", "", "but {file} is not a directory: name another path"},
		"below a file":                  {"in/*.csv", "file/done", "", "", "but {file} is not a directory: name another path"},
		"a link in a circle":            {"in/**/*.csv", "done", "in/sub/up", "in", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
			for _, d := range []string{"in/sub", "done", "all/done"} {
				require.NoError(t, os.MkdirAll(at(d), 0o755))
			}
			require.NoError(t, os.WriteFile(at("file"), nil, 0o600))
			if c.link != "" {
				if err := os.Symlink(at(c.to), at(c.link)); err != nil {
					t.Skipf("this system makes no links: %v", err)
				}
			}
			_, err := parse(fmt.Sprintf("paths: [ %q ]\nmove_on_finish: %q", at(c.paths), at(c.move)))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			before, path, _ := strings.Cut(c.want, "{")
			path, after, found := strings.Cut(path, "}")
			want := c.want
			if found {
				want = before + at(path) + after
			}
			require.EqualError(t, err, "move_on_finish is "+at(c.move)+", "+want)
		})
	}
}
