package infer

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ecommerce-ingest/connect/internal/cliargs"
)

const description = `
Looks at the beginning of CSV files and writes three things that run as they are:
NAME.sql, which creates the table; NAME.yaml, the pipeline that loads the files;
and NAME.blobl, a mapping with the lines that are needed for dates, decimal
commas and the like, where any are. It prints what it found in each column, and
says what has two readings, such as 03/04/2025, and which it took.

The files must have the same columns. At most 4 MiB of each are read.

  connect infer orders.csv
  connect infer --table orders --out shop exports/*.csv
  connect -c shop/orders.yaml`

// Command returns the command line of infer.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "infer",
		Usage:       "Look at CSV files, and write the table and the pipeline that load them",
		ArgsUsage:   "FILE…",
		Description: description[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "table", Usage: "the `name` of the table", DefaultText: "made from the first file's"},
			&cli.StringFlag{Name: "out", Usage: "write into this `folder`", Value: "."},
			&cli.BoolFlag{Name: "force", Usage: "replace files that are there already"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print what was found, and write nothing"},
		},
		Action: func(c *cli.Context) error {
			if err := run(c); err != nil {
				return cli.Exit("infer: "+err.Error(), 1)
			}
			return nil
		},
	}
}

func run(c *cli.Context) error {
	paths, err := cliargs.Files(c)
	if err != nil {
		return err
	}
	t, err := Look(paths, c.String("table"))
	if err != nil {
		return err
	}
	t.Report(c.App.Writer)
	if c.Bool("dry-run") {
		return nil
	}
	files, err := t.Files(c.String("out"))
	if err != nil {
		return err
	}
	if err := Write(files, c.Bool("force")); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer)
	for _, file := range files {
		fmt.Fprintf(c.App.Writer, "Wrote %s\n", file.Path)
	}
	fmt.Fprintf(c.App.Writer, "\nLoad them with:  connect load -c %s\n", files[len(files)-1].Path)
	return nil
}
