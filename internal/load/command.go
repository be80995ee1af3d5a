// Package load is the commands that run a pipeline over the files that are there and end: load stores their rows, check
// rolls everything back.
package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ecommerce-ingest/connect/internal/cliargs"
)

const loadDescription = `
Reads every file that is there, stores its rows, and ends. The pipeline is that of -c, with its mapping, its rejects and
its positions; FILEs take the place of its paths. Without -c the files are looked at as "connect infer" does, and their
rows go to --table: both it and a table for its rejections are created where they are missing.

An interrupted or killed load goes on where it was when it is run again. Rows that are rejected go where the pipeline
says; where it says nothing they are only shown.

Examples:
  connect load -c config/pipeline.yaml
  connect load -c config/pipeline.yaml old/2025-*.csv
  connect load orders.csv --dsn postgres://localhost/shop --table orders

Exit codes:
  0    every row is stored, or was before
  1    some rows were rejected, all others are stored
  2    wrong configuration, or the database was not reachable within --timeout
  3    there was nothing to load
  130  interrupted`

// Command returns the command line of load.
func Command() *cli.Command {
	return &cli.Command{
		Name:         "load",
		Usage:        "Store the files that are there, and end",
		ArgsUsage:    "[FILE…]",
		Description:  loadDescription[1:],
		Flags:        flags(),
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return usageError("load", err) },
		Action: func(c *cli.Context) error {
			o, err := optionsFrom(c, false)
			defer o.cleanUp()
			if err != nil {
				return usageError("load", err)
			}
			return runInTerminal(c, o, "stored", run)
		},
	}
}

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "the pipeline's `file`"},
		&cli.StringFlag{Name: "dsn", Usage: "the database's `URL`, without -c", EnvVars: []string{"POSTGRES_DSN"}},
		&cli.StringFlag{Name: "table", Usage: "the `table`, without -c"},
		&cli.StringFlag{Name: "state", Usage: "the `folder` of the positions, without -c", Value: "data/state/load"},
		&cli.DurationFlag{Name: "timeout", Usage: "how `long` the database may be out of reach", Value: 30 * time.Second},
		&cli.BoolFlag{Name: "json", Usage: "print the report as JSON, and all else to standard error"},
	}
}

func usageError(command string, err error) error {
	return cli.Exit(fmt.Sprintf("%v\nRun \"connect %s --help\" for the flags.", err, command), Failed.ExitCode())
}

// optionsFrom reads the command line, and the pipeline that it names or implies.
func optionsFrom(c *cli.Context, needsPipeline bool) (options, error) {
	files, err := cliargs.Files(c)
	o := options{files: files, timeout: c.Duration("timeout"), cleanUp: func() {}}
	if err != nil {
		return o, err
	}
	if o.timeout <= 0 {
		return o, fmt.Errorf("--timeout %s: give a time above zero, such as 30s", o.timeout)
	}
	for _, file := range o.files {
		if _, err := os.Stat(file); err != nil {
			return o, fmt.Errorf("looking for %s: %w", file, err)
		}
	}
	path := c.String("config")
	switch {
	case path != "" && c.String("table") != "":
		return o, errors.New("--table and -c exclude each other: the pipeline names its table")
	case path != "":
		o.yaml, err = os.ReadFile(path)
		return o, err
	case needsPipeline:
		return o, errors.New("name the pipeline with -c")
	case len(o.files) == 0:
		return o, errors.New("name the pipeline with -c, or files with --dsn and --table")
	case c.String("dsn") == "" || c.String("table") == "":
		return o, errors.New("without -c, give --dsn and --table")
	}
	folder, err := os.MkdirTemp("", "connect-load-")
	if err != nil {
		return o, err
	}
	o.cleanUp = func() { _ = os.RemoveAll(folder) }
	o.yaml, err = inferred(o.files, c.String("dsn"), c.String("table"), c.String("state"), folder)
	return o, err
}

// runInTerminal shows a run on the terminal and makes its outcome the exit code.
func runInTerminal(c *cli.Context, o options, verb string, run func(context.Context, options) *Report) error {
	ctx, stopSignals := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stopSignals()
	go func() {
		<-ctx.Done()
		stopSignals() // a second Ctrl-C ends the process at once
	}()
	bar := newProgress(os.Stderr)
	o.show = bar.show
	o.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	report := run(ctx, o)
	bar.end()
	var err error
	if c.Bool("json") {
		err = writeJSON(os.Stdout, report)
	} else {
		err = report.write(os.Stdout, verb)
	}
	if err != nil {
		return err
	}
	if code := report.Outcome.ExitCode(); code != 0 {
		return cli.Exit("", code)
	}
	return nil
}

// write prints a report: the table on out, a problem at its end.
func (r *Report) write(out io.Writer, verb string) error {
	if r.Outcome == NothingDone {
		_, err := fmt.Fprintln(out, cmp.Or(r.nothing, "There was nothing to load: no file matches, or every row of them was loaded before."))
		r.Unsendable.write(out)
		return err
	}
	return r.writeText(out, verb)
}
