package top

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// askEvery is how often the page is asked.
const askEvery = time.Second

// model is what the terminal shows. Only bubbletea's loop touches it.
type model struct {
	ctx           context.Context
	source        *client
	latest        look
	width, height int
}

func newModel(ctx context.Context, source *client) model {
	return model{ctx: ctx, source: source, width: onceWidth}
}

// Init asks for the first figures.
func (m model) Init() tea.Cmd { return m.ask }

func (m model) ask() tea.Msg {
	ctx, cancel := context.WithTimeout(m.ctx, answerWithin)
	defer cancel()
	return m.source.look(ctx)
}

type due struct{}

// Update takes figures, keys and the size of the terminal.
func (m model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
	case tea.KeyMsg:
		switch message.String() {
		case "q", "ctrl+c", "esc":
			return m, tea.Quit
		}
	case look:
		if message.err != nil { // what was shown stays
			m.latest.err = message.err
		} else {
			m.latest = message
		}
		return m, tea.Tick(askEvery, func(time.Time) tea.Msg { return due{} })
	case due:
		return m, m.ask
	}
	return m, nil
}

// View draws the latest figures.
func (m model) View() string { return draw(m.latest, m.width, m.height) }
