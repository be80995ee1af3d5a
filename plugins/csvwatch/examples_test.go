package csvwatch

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
)

var shownFile = regexp.MustCompile("(?s)```text\n(.*?)\n```")

// TestTheExamplesFilesAreReadAsDescribed reads the file in an example's text with the example's input.
func TestTheExamplesFilesAreReadAsDescribed(t *testing.T) {
	view, exists := service.GlobalEnvironment().GetInputConfig("csv_watch")
	require.True(t, exists)
	data, err := view.TemplateData()
	require.NoError(t, err)
	want := map[string][]string{
		"Reports and bank exports": {
			`{"booked":"2025-10-01","payee":"Café Knüpf","amount":"-12,50","note":""}`,
		},
		"Concatenated exports": {
			`{"column_1":"0","sku":"lamp","price":"19.90"}`, `{"column_1":"0","sku":"chair","price":"49.00"}`,
		},
		"Files for spreadsheets": {`{"sku":"lamp","price":"19,90"}`},
	}
	for _, example := range data.Examples {
		file := shownFile.FindStringSubmatch(example.Summary)
		require.Equal(t, len(want[example.Title]) > 0, len(file) > 0, example.Title)
		if len(file) == 0 {
			continue
		}
		t.Run(example.Title, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.Mkdir("exports", 0o755))
			content := file[1] + "\n"
			if strings.Contains(example.Config, "windows-1252") {
				content, err = charmap.Windows1252.NewEncoder().String(content)
				require.NoError(t, err)
			}
			require.NoError(t, os.WriteFile(filepath.Join("exports", "a.csv"), []byte(content), 0o600))
			got := readWith(t, example.Config, len(want[example.Title]))
			for i := range got {
				require.JSONEq(t, want[example.Title][i], got[i])
			}
		})
	}
}

// readWith runs the input of a configuration and returns its first messages, so many of them.
func readWith(t *testing.T, config string, n int) (got []string) {
	t.Helper()
	input, _, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(config), "input:\n"), "\noutput:")
	require.True(t, found)
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.AddInputYAML(input))
	came := make(chan string)
	require.NoError(t, b.AddConsumerFunc(func(ctx context.Context, m *service.Message) error {
		text, err := m.AsBytes()
		select {
		case came <- string(text):
		case <-ctx.Done():
		}
		return err
	}))
	stream, err := b.Build()
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background()) }()
	for range n {
		select {
		case text := <-came:
			got = append(got, text)
		case <-time.After(20 * time.Second):
			require.Fail(t, "too few messages", "%q", got)
		}
	}
	// Paths are relative, so the input must end before the next one changes the directory.
	require.NoError(t, stream.StopWithin(20*time.Second))
	require.NoError(t, <-done)
	return got
}
