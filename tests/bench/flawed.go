//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checked is the reference data in a table with a check and a foreign key, which a tenth of the rows of some files violate.
var checked = dataset{name: "checked", columns: strings.Replace(strings.Replace(reference.columns,
	"product_id text", "product_id text REFERENCES products", 1),
	"price numeric(10, 2)", "price numeric(10, 2) CHECK (price < 1000)", 1)}

// ledgered is the reference data in a table without a key, of which a mapping leaves a tenth out.
var ledgered = dataset{name: "ledger", columns: reference.columns}

// everyTenth leaves a tenth of the reference data out.
const everyTenth = `root = if this.product_id.has_suffix("7") { deleted() }`

// flawed are loads of which a tenth of the rows is bad or left out, each behind the load of all rows that it is compared with.
func flawed() []contender {
	return []contender{
		{name: ours, data: checked, key: keyed, load: watching(filesOf(checked), ignore)},
		{name: "a tenth of the rows bad", data: checked, key: keyed,
			load: watching(func(b *bench) []string { return b.bad }, ignore),
			kept: func(b *bench) tally { return tally{stored: b.rows - b.rows/10, rejected: b.rows / 10} }},
		{name: "connect, 8 files, exactly_once, no key", data: ledgered, load: watching(filesOf(ledgered), exactlyOnce)},
		{name: "a tenth of the rows filtered", data: ledgered,
			load: func(ctx context.Context, b *bench, table string) (sample, error) {
				return b.watch(ctx, b.eight, copyOutput(b.dsn, table, mapping()+"\n"+everyTenth, exactlyOnce))
			},
			kept: func(b *bench) tally { return tally{stored: b.rows - b.filtered} }},
	}
}

// spoil copies files of the reference data. Of the rows, every tenth gets a value of a wrong type, one that the check
// refuses, or a product that does not exist, in turn. It returns how many rows the mapping leaves out of the originals.
func spoil(dir string, files []string) (bad []string, filtered int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, 0, fmt.Errorf("making the directory of bad rows: %w", err)
	}
	row := 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, fmt.Errorf("reading the data: %w", err)
		}
		to := filepath.Join(dir, filepath.Base(path))
		file, err := os.Create(to)
		if err != nil {
			return nil, 0, fmt.Errorf("writing bad rows: %w", err)
		}
		w := bufio.NewWriterSize(file, 1<<20)
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(line, ",")
			if cells[0] != "event_id" {
				if strings.HasSuffix(cells[3], "7") {
					filtered++
				}
				if row++; row%10 == 0 {
					spoilRow(cells, row/10)
				}
			}
			_, _ = w.WriteString(strings.Join(cells, ",")) // Flush returns its error
		}
		if err := w.Flush(); err != nil {
			return nil, 0, fmt.Errorf("writing bad rows: %w", err)
		}
		if err := file.Close(); err != nil {
			return nil, 0, fmt.Errorf("writing bad rows: %w", err)
		}
		bad = append(bad, to)
	}
	return bad, filtered, nil
}

func spoilRow(cells []string, n int) {
	switch n % 3 {
	case 0:
		cells[1] = "nobody" // no UUID
	case 1:
		cells[5] = "1234.00" // more than the check allows
	default:
		cells[3] = "P99999" // no product
	}
}
