package top

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/livepage"
	"github.com/ecommerce-ingest/connect/internal/status"
)

// running is a page of a pipeline with a refused row and a refused file, both of
// hostile names.
func running(t *testing.T) (*livepage.Server, *status.Output) {
	t.Helper()
	board := status.New()
	page, err := livepage.Start(board, livepage.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, page.Close()) })
	in := board.AddInput("files")
	in.Connected(func() status.InputFigures { return status.InputFigures{Rows: 12_346, Done: 12_346, FilesKnown: 2} },
		func(int) []status.File {
			return []status.File{{Path: "in/\x1b[2Jevil\n.csv", State: "refused", Size: 1200, Problem: "the header has \"id\" twice\x07"}}
		})
	out := board.AddOutput("events", "user_events", 2)
	out.Committed(status.Commit{Stored: 12_345, Rejected: 1})
	board.Rejected(status.Rejection{Stage: "database", Class: "type", Path: "a\x1b]0;x\x07.csv", Row: 7, Reason: `column "price" numeric: "abc" is not a number`})
	return page, out
}

func TestThePictureSaysWhatThePageSays(t *testing.T) {
	t.Parallel()
	page, _ := running(t)
	source, err := newClient(page.URL())
	require.NoError(t, err)
	picture := ansi.Strip(draw(source.look(t.Context()), onceWidth, 0))
	for _, want := range []string{
		"12,346 read, 12,345 stored", "1 refused", "user_events: connected", "1 database: type",
		`row 7  column "price" numeric: … is not a number`, `refused           0 rows  0 B of 1.2 kB  `, `the header has "id" twice`,
	} {
		assert.Contains(t, picture, want)
	}
}

func TestHostileNamesDoNotCommandTheTerminal(t *testing.T) {
	t.Parallel()
	page, _ := running(t)
	source, err := newClient(page.URL())
	require.NoError(t, err)
	picture := draw(source.look(t.Context()), onceWidth, 0)
	for _, bad := range []string{"\x1b[2J", "\x1b]", "\x07", "evil\n"} {
		assert.NotContains(t, picture, bad)
	}
}

func TestThePictureFitsTheTerminal(t *testing.T) {
	t.Parallel()
	page, _ := running(t)
	source, err := newClient(page.URL())
	require.NoError(t, err)
	look := source.look(t.Context())
	for _, size := range [][2]int{{20, 5}, {40, 12}, {200, 60}} {
		lines := strings.Split(draw(look, size[0], size[1]), "\n")
		assert.LessOrEqual(t, len(lines), size[1])
		for _, line := range lines {
			assert.LessOrEqual(t, ansi.StringWidth(line), size[0], line)
		}
	}
}

func TestTheLatestFiguresStayWhenThePipelineIsGone(t *testing.T) {
	t.Parallel()
	page, out := running(t)
	source, err := newClient(page.URL())
	require.NoError(t, err)
	m := newModel(t.Context(), source)
	step := func(message tea.Msg) tea.Cmd {
		next, command := m.Update(message)
		m = next.(model)
		return command
	}
	out.Away("connection refused")
	step(tea.WindowSizeMsg{Width: 120, Height: 40})
	step(m.Init()())
	assert.Contains(t, m.View(), "Database away for")
	assert.Contains(t, m.View(), "connection refused")

	require.NoError(t, page.Close())
	step(m.ask())
	assert.Contains(t, m.View(), "does not answer")
	assert.Contains(t, m.View(), "12,345 stored")
	assert.Equal(t, tea.Quit(), step(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")})())
}

func TestAddressesAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "http://127.0.0.1:4194", "host:1": "http://host:1", "http://host:1/": "http://host:1", "https://h": "https://h",
	} {
		c, err := newClient(address)
		require.NoError(t, err)
		assert.Equal(t, want, c.base)
	}
	_, err := newClient("a b:1")
	assert.EqualError(t, err, `address "a b:1": write host:port, such as 127.0.0.1:4194`)
}

func TestTheSparklineReachesFromTheLowestToTheHighest(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "▁▄█", sparkline([]second{{9}, {0}, {5}, {10}}, 3))
	assert.Equal(t, "▁▁", sparkline([]second{{0}, {0}}, 3))
}
