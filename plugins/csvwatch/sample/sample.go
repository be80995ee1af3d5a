// Package sample reads the beginnings of CSV files just as csv_watch reads the
// whole of them, for programs that look at files before there is a pipeline.
package sample

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
)

// Options describes the format of a file.
type Options = csvrows.Options

// Row is one record.
type Row = csvrows.Row

// AnyFields as Options.ExpectedFields accepts records of any number of cells.
const AnyFields = csvrows.AnyFields

// Read calls each with the rows of a file, until some maxBytes of its content
// (after decompression, and in UTF-8) were read or each returns false. It returns
// the names in the header, nil without Options.ParseHeaderRow. A row is valid only
// during the call.
func Read(path string, opts Options, maxBytes int64, each func(Row) bool) (columns []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := csvrows.Open(file, path, opts, csvrows.Position{})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var rows []Row
	// A record that is too long does not move the position, hence the second bound.
	calls := 4 * (maxBytes/csvrows.ReadBytes + 1)
	for end := false; !end && reader.Position().Offset < maxBytes && calls > 0; calls-- {
		rows, err = reader.Read(rows[:0], 1000)
		if errors.Is(err, io.EOF) {
			end = true
			rows, err = reader.Finish(rows[:0])
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		for _, row := range rows {
			if !each(row) {
				return reader.Columns(), nil
			}
		}
	}
	return reader.Columns(), nil
}
