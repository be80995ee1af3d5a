package load

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
)

// DryReport is what a replay would send. Its JSON form is what --dry-run --json prints.
type DryReport struct {
	Outcome Outcome `json:"outcome"`
	// Problem says why the outcome is Failed.
	Problem string           `json:"problem,omitempty"`
	Records int64            `json:"records"`
	Stages  map[string]int64 `json:"stages"` // at which they were rejected
	// First are the first of them, at most 10, with the reason of the rejection.
	First []RejectedRecord `json:"first,omitempty"`
	Unsendable
}

// firstShown bounds the records that a dry run lists.
const firstShown = 10

// dryRun lists what a replay would send.
func dryRun(ctx context.Context, o replayOptions) *DryReport {
	d := &DryReport{Stages: map[string]int64{}}
	if err := d.collect(ctx, o); err != nil {
		d.Outcome, d.Problem = outcomeOf(ctx), err.Error()
		return d
	}
	d.Outcome = Stored
	if d.Records == 0 {
		d.Outcome = NothingDone
	}
	return d
}

func (d *DryReport) collect(ctx context.Context, o replayOptions) error {
	records, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer records.table.Close(context.Background())
	for {
		rows, batch, err := records.next(ctx)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			d.Unsendable = records.left()
			return nil
		}
		sent := idsOf(batch)
		for i := range rows {
			row := &rows[i]
			if !slices.Contains(sent, row.ID) {
				continue
			}
			d.Records++
			d.Stages[row.Stage]++
			if len(d.First) < firstShown {
				d.First = append(d.First, RejectedRecord{ID: row.ID, Path: row.Path, Row: row.RowNumber, Stage: row.Stage, Reason: row.Reason})
			}
		}
	}
}

func (d *DryReport) print(c *cli.Context) error {
	if c.Bool("json") {
		if err := writeJSON(os.Stdout, d); err != nil {
			return err
		}
	} else {
		d.write(os.Stdout)
	}
	if code := d.Outcome.ExitCode(); code != 0 {
		return cli.Exit("", code)
	}
	return nil
}

func (d *DryReport) write(out io.Writer) {
	switch {
	case d.Problem != "":
		fmt.Fprintln(out, d.Problem)
		return
	case d.Records == 0:
		fmt.Fprintln(out, nothingToReplay)
	}
	for _, stage := range slices.Sorted(maps.Keys(d.Stages)) {
		fmt.Fprintf(out, "would be sent: %s rejected at stage %s\n", humanize.Comma(d.Stages[stage]), stage)
	}
	for _, r := range d.First {
		fmt.Fprintf(out, "  %s, row %d (%s): %s\n", r.Path, r.Row, r.Stage, r.Reason)
	}
	d.Unsendable.write(out)
}
