package compose

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dockerfile returns the instructions, one per line, without comments.
func dockerfile(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(content), "")
	text = regexp.MustCompile(`\\\r?\n\s*`).ReplaceAllString(text, "")
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// finalStage returns the instructions of the last stage.
func finalStage(t *testing.T) []string {
	t.Helper()
	lines := dockerfile(t)
	last := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "FROM ") {
			last = i
		}
	}
	return lines[last:]
}

func TestEveryBaseImageIsABuildArgument(t *testing.T) {
	t.Parallel()
	for _, line := range dockerfile(t) {
		if rest, isFrom := strings.CutPrefix(line, "FROM "); isFrom {
			assert.Regexp(t, `^\$\{[A-Z_]+\}`, rest)
		}
	}
}

// docker-compose 1.29 may use the classic builder.
func TestTheClassicBuilderUnderstandsEveryInstruction(t *testing.T) {
	t.Parallel()
	for _, line := range dockerfile(t) {
		assert.NotRegexp(t, `--(mount|platform|link|chmod|parents|exclude|network|security)\b|<<|BUILDPLATFORM|TARGETARCH`, line)
	}
}

func TestTheImageRunsAsANumericUnprivilegedUser(t *testing.T) {
	t.Parallel()
	final := finalStage(t)
	users := slices.DeleteFunc(slices.Clone(final), func(line string) bool { return !strings.HasPrefix(line, "USER ") })
	require.Len(t, users, 1)
	assert.Regexp(t, `^USER [1-9]\d*:[1-9]\d*$`, users[0])
}

func TestCopiedSourcesExistAndAreNotIgnored(t *testing.T) {
	t.Parallel()
	for _, line := range dockerfile(t) {
		words := strings.Fields(line)
		if words[0] != "COPY" || strings.Contains(line, "--from=") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			_, err := os.Stat(filepath.Join(root, source))
			require.NoError(t, err, line)
			if source != "." {
				assert.Contains(t, sentToTheBuilder(t), source, line)
			}
		}
	}
	for _, needed := range []string{"go.mod", "go.sum", "cmd", "config", "internal", "plugins", "sql"} {
		assert.Contains(t, sentToTheBuilder(t), needed)
	}
}

// sentToTheBuilder returns the names that .dockerignore allows.
func sentToTheBuilder(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	require.NoError(t, err)
	lines := strings.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n")
	require.Contains(t, lines, "*", ".dockerignore must allow only what it names")
	var sent []string
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			require.NoError(t, exists(name))
			sent = append(sent, name)
		}
	}
	return sent
}

func exists(name string) error {
	_, err := os.Stat(filepath.Join(root, name))
	return err
}

func TestTheBuildStageCreatesWhatIsCopiedFromIt(t *testing.T) {
	t.Parallel()
	build := strings.Join(dockerfile(t)[:len(dockerfile(t))-len(finalStage(t))], "\n")
	for _, line := range finalStage(t) {
		words := strings.Fields(line)
		if words[0] != "COPY" {
			continue
		}
		require.Contains(t, line, "--from=build", "the final stage copies only from the build stage")
		source := words[len(words)-2]
		if !strings.HasPrefix(source, "/etc/ssl/") { // part of every Go image
			assert.Contains(t, build, source)
		}
	}
}

// The configs name folders relative to the working directory, so the image and the
// mounts must have the same layout as the repository.
func TestTheMountsHaveTheLayoutOfTheRepository(t *testing.T) {
	t.Parallel()
	final := finalStage(t)
	require.Contains(t, final, "WORKDIR /connect")
	targets := map[string]string{}
	for _, service := range load(t).Services {
		for _, volume := range service.Volumes {
			targets[volume.Target] = volume.Source
		}
	}
	for _, folder := range []string{"config", "sql", "data/events", "data/state"} {
		assert.Contains(t, targets, path.Join("/connect", folder))
	}
	for file, defaults := range map[string][]string{
		"config/pipeline.yaml":  {"${EVENTS_DIR:data/events}", "${STATE_DIR:data/state}", "${CONFIG_DIR:config}", "${SQL_DIR:sql}"},
		"config/generator.yaml": {"${EVENTS_DIR:data/events}"},
	} {
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for _, want := range defaults {
			assert.Contains(t, string(content), want, file)
		}
	}
}
