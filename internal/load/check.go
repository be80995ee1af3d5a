package load

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/ecommerce-ingest/connect/internal/status"
)

const checkDescription = `
Reads every file that is there from its start, maps, encodes and sends its rows, and rolls everything back. It says what
would be stored, skipped and rejected, with the first reasons by file and row. Positions, files and the database stay as
they are: init_files are not run and the ledger of exactly_once is not consulted, so that rows of files that were loaded
by it count as storable. Of two rows with one key the second is noticed if they are fewer than 50,000 rows apart.

Where the database cannot be reached within --timeout, or lacks the table, the rows are read and mapped only.

Examples:
  connect check -c config/pipeline.yaml
  connect check -c config/pipeline.yaml new/*.csv

Exit codes:
  0    every row can be stored, or is there already
  1    some rows would be rejected
  2    wrong configuration
  3    there is nothing to check
  130  interrupted`

// CheckCommand returns the command line of check.
func CheckCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "Say what would become of the files that are there, and store nothing",
		ArgsUsage:   "[FILE…]",
		Description: checkDescription[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "the pipeline's `file`"},
			&cli.DurationFlag{Name: "timeout", Usage: "how `long` to wait for the database", Value: 5 * time.Second},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON, and all else to standard error"},
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return usageError("check", err) },
		Action: func(c *cli.Context) error {
			o, err := optionsFrom(c, true)
			if err != nil {
				return usageError("check", err)
			}
			folder, err := os.MkdirTemp("", "connect-check-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(folder)
			o.edit = func(p *pipeline) error { return p.dryRun(folder) }
			return runInTerminal(c, o, "storable", check)
		},
	}
}

// check runs the pipeline without storing anything; without the database where that is not to be had.
func check(ctx context.Context, o options) *Report {
	report := run(ctx, o)
	if report.Outcome != Failed || report.Total.Rows > 0 || !report.database {
		return report
	}
	dryRun := o.edit
	o.edit = func(p *pipeline) error { return errors.Join(dryRun(p), p.mapOnly()) }
	o.consume = true
	mapped := run(ctx, o)
	mapped.Problem = "The rows were read and mapped only: " + report.Problem
	return mapped
}

// dryRun keeps a pipeline from changing anything: its positions are in a folder of their own, and start anew.
func (p *pipeline) dryRun(folder string) error {
	for _, field := range []string{"checkpoint_cache", "delete_on_finish", "move_on_finish"} {
		p.remove("input", "csv_watch", field)
	}
	changes := map[string]any{"checkpoint_dir": folder, "batch_count": 50_000, "checkpoint_limit": 100_000}
	for field, value := range changes {
		if err := p.set(value, "input", "csv_watch", field); err != nil {
			return err
		}
	}
	output := p.output()
	if output == nil {
		return errors.New("the pipeline's `output` is no `postgres_copy`: it cannot be checked without storing rows")
	}
	for field, value := range map[string]any{"dry_run": true, "max_in_flight": 1} {
		if err := p.set(value, append(output, field)...); err != nil {
			return err
		}
	}
	return nil
}

// mapOnly runs the output's mapping in the pipeline, and takes the output away.
func (p *pipeline) mapOnly() error {
	mapping := p.find(append(p.output(), "mapping")...)
	if p.find("pipeline") == nil {
		if err := p.set(map[string]any{}, "pipeline"); err != nil {
			return err
		}
	}
	var processors []any
	if old := p.find("pipeline", "processors"); old != nil {
		if err := old.Decode(&processors); err != nil {
			return err
		}
	}
	if mapping != nil {
		processors = append(processors, map[string]any{"mutation": mapping.Value})
	}
	p.remove("output")
	// A pipeline without an output prints its messages.
	if err := p.set(map[string]any{"drop": map[string]any{}}, "output"); err != nil {
		return err
	}
	return p.set(processors, "pipeline", "processors")
}

// consumer counts what comes out of a pipeline without an output.
func consumer(board func() *status.Board) service.MessageBatchHandlerFunc {
	return func(_ context.Context, batch service.MessageBatch) error {
		b := board()
		for _, m := range batch {
			path, _ := m.MetaGet("path")
			commit := status.Commit{Stored: 1}
			if err := m.GetError(); err != nil {
				commit = status.Commit{Rejected: 1}
				stage := "mapping"
				if reason, ok := m.MetaGet("csv_error"); ok && reason != "" {
					stage = "parse"
				}
				row, _ := m.MetaGetMut("csv_row")
				number, _ := row.(int64)
				b.Rejected(status.Rejection{Stage: stage, Class: stage, Reason: err.Error(), Path: path, Row: number})
			}
			b.FileCommitted(path, time.Now(), commit)
		}
		return nil
	}
}
