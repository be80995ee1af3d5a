//go:build unix

package pages

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	_ "github.com/ecommerce-ingest/connect/plugins/all"

	"github.com/ecommerce-ingest/connect/internal/postgres/postgrestest"
)

const root = "../.."

// run lists the pages whose shell blocks are run; every page's YAML is linted.
var run = []string{"README.md", "docs/cookbook.md", "docs/tutorial.md"}

func TestEveryCommandOfAPageRuns(t *testing.T) {
	t.Parallel()
	for _, page := range run {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(root, page))
			require.NoError(t, err)
			dsn := postgrestest.NewDatabase(t)
			script, err := script(blocksOf(strings.ReplaceAll(string(text), documentedDSN, dsn)))
			require.NoError(t, err)
			runScript(t, script, dsn)
		})
	}
}

// runScript runs a script in a copy of the repository, and shows what it printed when it fails.
func runScript(t *testing.T, script, dsn string) {
	t.Helper()
	dir := copyOfTheRepository(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HTTP_ADDRESS="+freeAddress(t), "LIVE_ADDRESS="+freeAddress(t), "TEST_DSN="+dsn,
		"PATH="+dir+string(os.PathListSeparator)+postgresPrograms()+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// postgresPrograms returns the folder of psql where it is not on the PATH already, as the beginning of one.
func postgresPrograms() string {
	if _, err := exec.LookPath("psql"); err == nil {
		return ""
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1]) + string(os.PathListSeparator)
}

var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "connect-pages-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "connect")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/ecommerce-ingest/connect/cmd/connect").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the program: %w: %s", err, out)
	}
	return os.ReadFile(path)
})

// copyOfTheRepository returns a folder with all that git would give to somebody who clones the project, and ./connect.
func copyOfTheRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && (entry.Name() == ".git" || rel == "data"):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, rel), 0o755)
		case !entry.Type().IsRegular() || rel == "connect":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, rel), content, info.Mode().Perm())
	}))
	binary, err := program()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "connect"), binary, 0o755))
	return dir
}

func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		// Below the range from which systems give ports to connections.
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(22_000))); err == nil {
			require.NoError(t, l.Close())
			return l.Addr().String()
		}
	}
	require.FailNow(t, "no port is free")
	return ""
}

func TestEveryYAMLBlockOfAPagePassesTheLinter(t *testing.T) {
	t.Parallel()
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().
		SetRejectDeprecated(true).SetSkipEnvVarCheck(true)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, b := range blocksOf(string(text)) {
			if b.language != "yaml" || strings.HasPrefix(b.directive, "skip, ") {
				continue
			}
			lints, err := linter.LintYAML([]byte(whole(b.text)))
			if assert.NoError(t, err, "%s, line %d", page, b.line) {
				for _, lint := range lints {
					t.Errorf("%s, line %d: %s", page, b.line+lint.Line, lint.What)
				}
			}
		}
	}
}

// whole makes a configuration of a block that shows a single component of the bundle.
func whole(text string) string {
	for kind, names := range map[string][]string{"input": {"csv_watch", "ecommerce_events"}, "output": {"postgres_copy", "csv_files"}} {
		for _, name := range names {
			if strings.HasPrefix(text, name+":") {
				return kind + ":\n  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
			}
		}
	}
	return text
}

func TestABlockKeepsTheDirectiveAboveIt(t *testing.T) {
	t.Parallel()
	blocks := blocksOf("a\n\n<!-- test: skip, why -->\n```sh\nls\n```\n\n```sh\npwd\n```\n```yaml\na: b\n```\n")
	require.Equal(t, []block{
		{line: 4, language: "sh", directive: "skip, why", text: "ls\n"},
		{line: 8, language: "sh", text: "pwd\n"},
		{line: 11, language: "yaml", text: "a: b\n"},
	}, blocks)
}

func TestAScriptStopsAtTheFirstCommandThatFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ page, output string }{
		{"```sh\necho one\nfalse\necho two\n```\n", "one"},
		{"<!-- test: fails with 3 -->\n```sh\necho one\nbash -c 'exit 4' # three\n```\n", "in place of 3"},
		{"<!-- test: until ready -->\n```sh\necho one\ntrue\n```\n", "ended by itself"},
	} {
		text, err := script(blocksOf(test.page))
		require.NoError(t, err)
		cmd := exec.Command("bash", "-c", text)
		cmd.Env = append(os.Environ(), "HTTP_ADDRESS="+freeAddress(t)) // where nothing listens
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), test.output)
		require.False(t, bytes.Contains(out, []byte("two")))
	}
	_, err := script(blocksOf("<!-- test: unheard of -->\n```sh\ntrue\n```\n"))
	require.EqualError(t, err, `line 2: there is no directive "unheard of"`)
}
