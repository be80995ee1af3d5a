// Package demo is the command that shows the whole way of an event, from a
// simulated shop to its row in PostgreSQL, with nothing set up beforehand. It
// runs the pipelines of package config as they are shipped, measures them from
// outside, and checks at the end that every event arrived, once.
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

// Exit codes of the command, beside 0: every event was stored once.
const (
	exitFailed      = 1   // something went wrong, or events are missing
	exitUsage       = 2   // the command line was not understood
	exitInterrupted = 130 // ended at once by a second Ctrl-C
)

const description = `
Starts a throwaway PostgreSQL, a simulated shop that writes CSV files, and the
shipped pipeline that stores them; shows once a second what arrives and how
fast; and checks at the end that every event is stored exactly once.

Nothing is left behind. With --dsn the demo makes a database of its own on the
server that is named, touches no other, and drops it at the end.

Ctrl-C stops the shop and lets what is under way arrive; a second Ctrl-C quits
at once. The exit code is 0 only if every event was stored once, 1 if not or if
something failed, 2 for a wrong flag, and 130 after a second Ctrl-C.`

// Command returns the command line of the demo.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "demo",
		Usage:       "Watch a simulated shop's events arrive in a PostgreSQL, with nothing set up",
		Description: description[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "duration", Usage: "stop after this `time`, such as 20s", DefaultText: "at Ctrl-C"},
			&cli.Float64Flag{Name: "rate", Usage: "`events` per second", Value: 10},
			&cli.StringFlag{Name: "dir", Usage: "keep files and positions in this empty or new `folder`", DefaultText: "a temporary one"},
			&cli.StringFlag{Name: "dsn", Usage: "use the PostgreSQL at this `URL`", DefaultText: "a throwaway one"},
			&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON, and all else to standard error"},
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

// runInTerminal gives Ctrl-C its two meanings and shows the demo.
func runInTerminal(ctx context.Context, opts Options, asJSON bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := os.Stdout
	if asJSON {
		out = os.Stderr
	}
	screen := newScreen(out)
	d := &demo{opts: opts, screen: screen}

	var leaving sync.Mutex // held by whoever will end the process
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		<-signals
		screen.note("Stopping: what is under way still arrives. Ctrl-C again quits at once.")
		stop()
		<-signals
		leaving.Lock()
		d.abandon(2 * time.Second)
		os.Exit(exitInterrupted)
	}()

	summary, err := d.run(ctx)
	leaving.Lock()
	if summary != nil { // there may be both: not all could be cleaned up
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
