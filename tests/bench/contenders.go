//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// contender is one way to load a dataset into a table.
type contender struct {
	name string
	data dataset
	key  string // the table's own words for event_id: PRIMARY KEY or nothing
	load func(ctx context.Context, b *bench, table string) (sample, error)

	kept func(b *bench) tally // what becomes of the rows; nil: all are stored
}

// ours is the contender of each dataset that the others' ratios are taken
// against.
const ours = "connect, 8 files, ignore"

const (
	ignore      = "write_mode: ignore\nprimary_keys: [ event_id ]"
	exactlyOnce = "write_mode: append\nexactly_once:\n  channel: ${!@csv_channel}\n  offset_token: ${!@csv_row}"
	keyed       = "PRIMARY KEY"
)

// contenders are all ways to load, with the programs among them that the
// options name.
func contenders(o options) []contender {
	all := []contender{
		{name: `psql \copy, 1 connection`, data: reference, key: keyed, load: func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, b.psqlCopy(table, b.one))
		}},
		{name: `psql \copy, 2 connections`, data: reference, key: keyed, load: func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, b.psqlCopy(table, b.two[0]), b.psqlCopy(table, b.two[1]))
		}},
		{name: ours, data: reference, key: keyed, load: watching(filesOf(reference), ignore)},
		{name: "connect, 1 file, ignore", data: reference, key: keyed, load: watching(func(b *bench) []string { return []string{b.one} }, ignore)},
		{name: "connect, 8 files, append", data: reference, key: keyed, load: watching(filesOf(reference), "write_mode: append")},
		{name: "connect, 8 files, append, no key", data: reference, key: "", load: watching(filesOf(reference), "write_mode: append")},
		{name: "connect, 8 files, exactly_once, no key", data: reference, key: "", load: watching(filesOf(reference), exactlyOnce)},
		{name: "csv input + postgres_copy, 8 files", data: reference, key: keyed, load: func(ctx context.Context, b *bench, table string) (sample, error) {
			return b.stream(ctx, b.connect, stockInput(b.eight, nil, false), copyOutput(b.dsn, table, mapping(), ignore))
		}},
		{name: "csv input + sql_insert, 8 files", data: reference, key: keyed, load: inserting(reference, filesOf(reference))},
		{name: ours, data: shop, key: keyed, load: watching(filesOf(shop), ignore)},
		{name: "connect, 8 files, exactly_once, no key", data: shop, key: "", load: watching(filesOf(shop), exactlyOnce)},
		{name: "csv input + sql_insert, 8 files", data: shop, key: keyed, load: inserting(shop, filesOf(shop))},
	}
	all = append(all, flawed()...)
	if o.before != "" {
		for _, data := range []dataset{reference, shop} {
			all = append(all, contender{name: "before: " + ours, data: data, key: keyed, load: func(ctx context.Context, b *bench, table string) (sample, error) {
				other := *b
				other.connect = o.before
				return watching(filesOf(data), ignore)(ctx, &other, table)
			}})
		}
	}
	if o.parallelCopy != "" {
		all = slices.Insert(all, 2, contender{name: "timescaledb-parallel-copy, 2 workers", data: reference, key: keyed, load: func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, []string{o.parallelCopy, "-connection", b.dsn, "-table", table, "-file", b.one, "-skip-header", "-workers", "2", "-verbose=false"})
		}})
	}
	if o.spark.python != "" {
		all = append(all, contender{name: "Spark Structured Streaming, with its start", data: reference, key: keyed, load: o.spark.load})
	}
	return all
}

// filesOf returns the eight files of a dataset.
func filesOf(data dataset) func(*bench) []string {
	if data.name == shop.name {
		return func(b *bench) []string { return b.shop }
	}
	return func(b *bench) []string { return b.eight }
}

func watching(files func(*bench) []string, options string) func(context.Context, *bench, string) (sample, error) {
	return func(ctx context.Context, b *bench, table string) (sample, error) {
		return b.watch(ctx, files(b), copyOutput(b.dsn, table, mapping(), options))
	}
}

// watch loads files with csv_watch.
func (b *bench) watch(ctx context.Context, files []string, output string) (sample, error) {
	state, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return sample{}, fmt.Errorf("making the state directory: %w", err)
	}
	return b.stream(ctx, b.connect, watchInput(files, state), output)
}

// inserting is the same pipeline with upstream's input and output.
func inserting(data dataset, files func(*bench) []string) func(context.Context, *bench, string) (sample, error) {
	return func(ctx context.Context, b *bench, table string) (sample, error) {
		return b.stream(ctx, b.upstream, stockInput(files(b), data.nullable, true), "label: events\n"+sqlInsert(b.dsn, table, data.names()))
	}
}

func (b *bench) stream(ctx context.Context, binary, input, output string) (sample, error) {
	address, err := freeAddress()
	if err != nil {
		return sample{}, err
	}
	return stream(ctx, b.dir, binary, address, pipeline(address, input, output), b.rows)
}

func (b *bench) psqlCopy(table, path string) []string {
	return []string{b.server.Psql(), "-qX", "-v", "ON_ERROR_STOP=1", "-d", b.dsn,
		"-c", fmt.Sprintf(`\copy %s from '%s' with (format csv, header true)`, table, path)}
}

// run loads an empty table once and checks that every row is in it.
func (b *bench) run(ctx context.Context, c contender) (sample, error) {
	const table = "events"
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return sample{}, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := makeTables(ctx, conn, table, c.data.columns, c.key); err != nil {
		return sample{}, err
	}

	before, err := b.serverUsage(ctx, conn)
	if err != nil {
		return sample{}, err
	}
	s, err := c.load(ctx, b, table)
	if err != nil {
		return s, err
	}
	after, err := b.serverUsage(ctx, conn)
	if err != nil {
		return s, err
	}
	s.Server, s.WAL = after.cpu-before.cpu, after.wal-before.wal
	want := tally{stored: b.rows}
	if c.kept != nil {
		want = c.kept(b)
	}
	return s, check(ctx, conn, table, want)
}

// makeTables makes empty tables, with nothing left to write of those before.
func makeTables(ctx context.Context, conn *pgx.Conn, table, columns, key string) error {
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + table + ", rejected_events, postgres_copy_ledger, products",
		"CREATE TABLE products (id text PRIMARY KEY)",
		"INSERT INTO products SELECT 'P' || to_char(n, 'FM00000') FROM generate_series(0, 9999) AS n",
		fmt.Sprintf("CREATE TABLE %s (%s)", table, strings.ReplaceAll(columns, "%key", key)),
		fmt.Sprintf("CREATE INDEX ON %s (user_id)", table),
		fmt.Sprintf("CREATE INDEX ON %s (event_type)", table),
		"CREATE TABLE rejected_events (stage text, reason text)",
		"CHECKPOINT", // so that no load pays for the one before
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("preparing the table: %w", err)
		}
	}
	return nil
}

// tally is how many rows end where.
type tally struct{ stored, rejected int }

func check(ctx context.Context, conn *pgx.Conn, table string, want tally) error {
	var got tally
	var distinct int
	err := conn.QueryRow(ctx, "SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM rejected_events) FROM "+table).
		Scan(&got.stored, &distinct, &got.rejected)
	if err != nil {
		return fmt.Errorf("counting the rows: %w", err)
	}
	if got != want || distinct != want.stored {
		return fmt.Errorf("%d rows are stored (%d distinct) and %d rejected, in place of %d and %d",
			got.stored, distinct, got.rejected, want.stored, want.rejected)
	}
	return nil
}

// glob is the pattern of all files beside one of them.
func glob(files []string) string { return filepath.Join(filepath.Dir(files[0]), "*.csv") }
