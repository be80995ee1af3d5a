package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/ecommerce-ingest/connect/internal/cliargs"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy"
)

const replayDescription = `
Sends the records in the table of "rejects" again, through the mapping and the output of the pipeline, as if csv_watch
had read them just now: with the header that they had. Each that was sent gets a replayed_at in the table. One that is
rejected again becomes a row of its own, whose replay_of is the id of the rejection before. The pipeline may go on
running.

Each record is stored once, also when a replay is killed and run again, provided that the table has a key with
"write_mode: ignore" or "upsert", or the pipeline has "exactly_once". With "write_mode: append" and neither, records that
were stored but not marked when a replay was killed are stored twice. With upsert, a record replaces what was stored
since unless "sequence_by" knows which is newer.

Records that were not kept whole (longer than 64 KiB or max_record_bytes, with bytes that are no text, or without their header) are listed
and left as they are. Files that were refused as a whole are not sent: csv_watch reads them when they are put right.

Examples:
  connect replay -c config/pipeline.yaml --dry-run
  connect replay -c config/pipeline.yaml
  connect replay -c config/pipeline.yaml --where "stage = 'mapping' AND path LIKE '%/june.csv'"

Exit codes:
  0    every record is stored, or was before
  1    some records were rejected again or cannot be sent, all others are stored
  2    wrong configuration, or the database was not reachable within --timeout
  3    there was nothing to replay
  130  interrupted`

// ReplayCommand returns the command line of replay.
func ReplayCommand() *cli.Command {
	return &cli.Command{
		Name:        "replay",
		Usage:       "Send rejected records again",
		Description: replayDescription[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "the pipeline's `file`"},
			&cli.StringFlag{Name: "where", Usage: "a `condition` in SQL on the columns of the table of rejected records"},
			&cli.BoolFlag{Name: "dry-run", Usage: "list what would be sent, and send nothing"},
			&cli.DurationFlag{Name: "timeout", Usage: "how `long` the database may be out of reach", Value: 30 * time.Second},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON, and all else to standard error"},
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return usageError("replay", err) },
		Action: func(c *cli.Context) error {
			o, err := replayOptionsFrom(c)
			if err != nil {
				return usageError("replay", err)
			}
			if c.Bool("dry-run") {
				return dryRun(c.Context, o).print(c)
			}
			return runInTerminal(c, options{}, "stored", func(ctx context.Context, in options) *Report {
				return replay(ctx, o, in.log)
			})
		},
	}
}

// replayOptions is what a replay is to do.
type replayOptions struct {
	yaml    []byte
	where   string
	timeout time.Duration
}

func replayOptionsFrom(c *cli.Context) (o replayOptions, err error) {
	rest, err := cliargs.Files(c)
	o.where, o.timeout = c.String("where"), c.Duration("timeout")
	switch {
	case err != nil:
		return o, err
	case len(rest) > 0:
		return o, fmt.Errorf("%q is no flag: choose records with --where", rest[0])
	case c.String("config") == "":
		return o, errors.New("name the pipeline with -c")
	case o.timeout <= 0:
		return o, fmt.Errorf("--timeout %s: give a time above zero, such as 30s", o.timeout)
	}
	o.yaml, err = os.ReadFile(c.String("config"))
	return o, err
}

// open connects to the table of rejected records of the pipeline and selects what is to be sent.
func (o *replayOptions) open(ctx context.Context) (*rejectedRecords, error) {
	p, err := parsePipeline(o.yaml)
	switch {
	case err != nil:
		return nil, err
	case p.find("input", "csv_watch") == nil:
		return nil, errors.New("the pipeline's `input` is no `csv_watch`: only records of files can be sent again")
	case p.find("output", "postgres_copy", "rejects") == nil:
		return nil, errors.New("the pipeline's `output` is no `postgres_copy` with `rejects`: only what is stored there can be sent again")
	}
	input, err := p.resolved("input", "csv_watch")
	if err != nil {
		return nil, err
	}
	output, err := p.resolved("output", "postgres_copy")
	if err != nil {
		return nil, err
	}
	messages, err := csvwatch.NewRecords(input)
	if err != nil {
		return nil, fmt.Errorf("reading the pipeline's input: %w", err)
	}
	connecting, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	table, err := postgrescopy.OpenRejected(connecting, output)
	if err != nil {
		return nil, err
	}
	if err := table.Select(ctx, o.where); err != nil {
		table.Close(context.Background())
		return nil, err
	}
	return &rejectedRecords{table: table, messages: messages, timeout: o.timeout}, nil
}

// replay sends what was rejected. The report is there in any case.
func replay(ctx context.Context, o replayOptions, log *slog.Logger) *Report {
	records, err := o.open(ctx)
	if err != nil {
		return &Report{Outcome: outcomeOf(ctx), Problem: err.Error(), Files: []FileReport{}}
	}
	defer records.table.Close(context.Background())
	env := service.GlobalEnvironment().Clone()
	err = env.RegisterBatchInput("csv_watch", csvwatch.Spec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
		return service.AutoRetryNacksBatched(records), nil
	})
	if err != nil {
		return &Report{Outcome: Failed, Problem: err.Error(), Files: []FileReport{}}
	}
	r := run(ctx, options{yaml: o.yaml, timeout: o.timeout, log: log, env: env})
	r.Unsendable, r.nothing = records.left(), nothingToReplay
	switch problem := records.failure(); {
	case r.Outcome == Interrupted || r.Outcome == Failed:
	case problem != nil:
		r.Outcome, r.Problem = Failed, problem.Error()
	case r.Outcome == Stored && r.UnsentTotal > 0:
		r.Outcome = Rejected
	}
	return r
}

const nothingToReplay = "There was nothing to replay: every record that was rejected, and is chosen, was sent again before."

// outcomeOf returns how a replay that has not begun ends.
func outcomeOf(ctx context.Context) Outcome {
	if ctx.Err() != nil {
		return Interrupted
	}
	return Failed
}
