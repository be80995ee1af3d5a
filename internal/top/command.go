// Package top is the command that shows a running pipeline's live page in a
// terminal, for those who are on a server by ssh.
package top

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/urfave/cli/v2"

	"github.com/ecommerce-ingest/connect/internal/livepage"
)

// Exit codes of the command, beside 0.
const (
	exitFailed = 1 // the pipeline does not answer
	exitUsage  = 2 // the command line was not understood
)

const description = `
Shows what the live page of a running pipeline shows, in the terminal: how it
stands, what comes in and is stored, how far behind it is, what is refused and
why, and which files are being read. q or Ctrl-C ends it; the pipeline goes on.

The address is that of the live page: live_page.address in the YAML.`

// Command returns the command line of top.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "top",
		Usage:       "Show how a running pipeline stands, live, in the terminal",
		ArgsUsage:   "[address]",
		Description: description[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "print how it stands now and end, as is done where the output is no terminal"},
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return usageError(err) },
		Action: func(c *cli.Context) error {
			if c.Args().Len() > 1 {
				return usageError(fmt.Errorf("unexpected argument %q", c.Args().Get(1)))
			}
			source, err := newClient(c.Args().First())
			if err != nil {
				return usageError(err)
			}
			if c.Bool("once") || !isTerminal(os.Stdout) {
				return once(c.Context, source)
			}
			_, err = tea.NewProgram(newModel(c.Context, source), tea.WithAltScreen(), tea.WithContext(c.Context)).Run()
			if err != nil && c.Context.Err() == nil {
				return cli.Exit("top: "+err.Error(), exitFailed)
			}
			return nil
		},
	}
}

func usageError(err error) error {
	return cli.Exit(fmt.Sprintf("%v\nRun \"connect top --help\" for the flags.", err), exitUsage)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// onceWidth is how wide a single picture is, in columns.
const onceWidth = 100

func once(ctx context.Context, source *client) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	look := source.look(ctx)
	if look.err != nil {
		return cli.Exit("top: "+look.err.Error(), exitFailed)
	}
	_, err := fmt.Fprintln(os.Stdout, strings.TrimRight(draw(look, onceWidth, 0), "\n"))
	return err
}

// newClient returns a client of the page at an address as people write it: with
// or without http://, or nothing for the default.
func newClient(address string) (*client, error) {
	if address == "" {
		address = livepage.DefaultAddress
	}
	base := strings.TrimRight(address, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	if _, err := http.NewRequest(http.MethodGet, base, nil); err != nil {
		return nil, fmt.Errorf("address %q: write host:port, such as %s", address, livepage.DefaultAddress)
	}
	return &client{base: base, http: &http.Client{Timeout: answerWithin}}, nil
}

// answerWithin bounds the wait for the page.
const answerWithin = 5 * time.Second
