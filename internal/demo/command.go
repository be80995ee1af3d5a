// Package demo provides the command that shows the path of an event from a simulated
// shop to its row in PostgreSQL, without any setup. It runs the shipped pipelines,
// measures them from outside, and finally checks that every event was stored exactly
// once.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// Exit codes of the command. 0 means that every event was stored exactly once.
const (
	exitFailed      = 1   // something failed, or events are missing
	exitUsage       = 2   // a wrong command line
	exitInterrupted = 130 // a second Ctrl-C
)

const description = `
Starts a throwaway PostgreSQL, a simulated shop that writes CSV files, and the
shipped pipeline that stores them. Shows every second how many events arrive and
how fast, and finally checks that every event is stored exactly once.

The demo removes everything it created. With --dsn it creates a database on your
server, touches no other, and drops it at the end.

Ctrl-C stops the shop and waits for the events in flight; a second Ctrl-C quits
at once. The exit code is 0 if every event was stored exactly once, 1 if not or
if something failed, 2 for a wrong flag, and 130 after a second Ctrl-C.`

// Command returns the command line of the demo.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "demo",
		Usage:       "Watch the events of a simulated shop arrive in PostgreSQL, without any setup",
		Description: description[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "duration", Usage: "stop after this `time`, such as 20s", DefaultText: "at Ctrl-C"},
			&cli.Float64Flag{Name: "rate", Usage: "`events` per second", Value: 10},
			&cli.StringFlag{Name: "dir", Usage: "keep files and positions in this empty or new `folder`", DefaultText: "a temporary one"},
			&cli.StringFlag{Name: "dsn", Usage: "use the PostgreSQL at this `URL`", DefaultText: "a throwaway one"},
			&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON, and everything else to standard error"},
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return usageError(err) },
		Action: func(c *cli.Context) error {
			opts := Options{
				Rate: c.Float64("rate"),
				Dir:  c.String("dir"),
				DSN:  c.String("dsn"),
			}
			if c.Args().Present() {
				return usageError(fmt.Errorf("unexpected argument %q", c.Args().First()))
			}
			if c.IsSet("duration") {
				var err error
				if opts.Duration, err = time.ParseDuration(c.String("duration")); err != nil || opts.Duration <= 0 {
					return usageError(fmt.Errorf("--duration %s: give a time above zero with its unit, such as 20s", c.String("duration")))
				}
			}
			if err := opts.validate(); err != nil {
				return usageError(err)
			}
			return runInTerminal(c.Context, opts, c.Bool("json"))
		},
	}
}

func usageError(err error) error {
	return cli.Exit(fmt.Sprintf("%v\nRun \"connect demo --help\" for the flags.", err), exitUsage)
}

// runInTerminal runs the demo, prints the summary and handles Ctrl-C.
func runInTerminal(ctx context.Context, opts Options, asJSON bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := os.Stdout
	if asJSON {
		out = os.Stderr
	}
	screen := newScreen(out)
	d := &demo{opts: opts, screen: screen}

	var leaving sync.Mutex // held by the goroutine that ends the process
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		<-signals
		screen.note("Stopping: waiting for the events in flight. Ctrl-C again quits at once.")
		stop()
		<-signals
		leaving.Lock()
		d.abandon(2 * time.Second)
		os.Exit(exitInterrupted)
	}()

	summary, err := d.run(ctx)
	leaving.Lock()
	if asJSON && err != nil {
		summary = failed(opts, summary, err)
	}
	if summary != nil { // with an error too, if the clean-up failed
		if asJSON {
			err = errors.Join(err, summary.writeJSON(os.Stdout))
		} else {
			summary.writeText(os.Stdout)
		}
	}
	switch {
	case err != nil:
		return cli.Exit("demo: "+err.Error(), exitFailed)
	case !summary.OK:
		return cli.Exit("", exitFailed)
	}
	return nil
}
