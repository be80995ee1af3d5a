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
		{`psql \copy, 1 connection`, reference, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, b.psqlCopy(table, b.one))
		}},
		{`psql \copy, 2 connections`, reference, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, b.psqlCopy(table, b.two[0]), b.psqlCopy(table, b.two[1]))
		}},
		{ours, reference, keyed, watching(filesOf(reference), ignore)},
		{"connect, 1 file, ignore", reference, keyed, watching(func(b *bench) []string { return []string{b.one} }, ignore)},
		{"connect, 8 files, append", reference, keyed, watching(filesOf(reference), "write_mode: append")},
		{"connect, 8 files, append, no key", reference, "", watching(filesOf(reference), "write_mode: append")},
		{"connect, 8 files, exactly_once, no key", reference, "", watching(filesOf(reference), exactlyOnce)},
		{"csv input + postgres_copy, 8 files", reference, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			return b.stream(ctx, b.connect, stockInput(b.eight, nil, false), copyOutput(b.dsn, table, ignore))
		}},
		{"csv input + sql_insert, 8 files", reference, keyed, inserting(reference, filesOf(reference))},
		{ours, shop, keyed, watching(filesOf(shop), ignore)},
		{"connect, 8 files, exactly_once, no key", shop, "", watching(filesOf(shop), exactlyOnce)},
		{"csv input + sql_insert, 8 files", shop, keyed, inserting(shop, filesOf(shop))},
	}
	if o.before != "" {
		for _, data := range []dataset{reference, shop} {
			all = append(all, contender{"before: " + ours, data, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
				other := *b
				other.connect = o.before
				return watching(filesOf(data), ignore)(ctx, &other, table)
			}})
		}
	}
	if o.parallelCopy != "" {
		all = slices.Insert(all, 2, contender{"timescaledb-parallel-copy, 2 workers", reference, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, []string{o.parallelCopy, "-connection", b.dsn, "-table", table, "-file", b.one, "-skip-header", "-workers", "2", "-verbose=false"})
		}})
	}
	if o.spark.python != "" {
		all = append(all, contender{"Spark Structured Streaming, with its start", reference, keyed, o.spark.load})
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
		state, err := os.MkdirTemp(b.dir, "state-")
		if err != nil {
			return sample{}, fmt.Errorf("making the state directory: %w", err)
		}
		return b.stream(ctx, b.connect, watchInput(files(b), state), copyOutput(b.dsn, table, options))
	}
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
	return s, b.check(ctx, conn, table)
}

// makeTables makes empty tables, with nothing left to write of those before.
func makeTables(ctx context.Context, conn *pgx.Conn, table, columns, key string) error {
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + table + ", rejected_events, postgres_copy_ledger",
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

func (b *bench) check(ctx context.Context, conn *pgx.Conn, table string) error {
	var stored, distinct, rejected int
	err := conn.QueryRow(ctx, "SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM rejected_events) FROM "+table).
		Scan(&stored, &distinct, &rejected)
	if err != nil {
		return fmt.Errorf("counting the rows: %w", err)
	}
	if stored != b.rows || distinct != b.rows || rejected != 0 {
		return fmt.Errorf("of %d rows %d are stored (%d distinct) and %d rejected", b.rows, stored, distinct, rejected)
	}
	return nil
}

// glob is the pattern of all files beside one of them.
func glob(files []string) string { return filepath.Join(filepath.Dir(files[0]), "*.csv") }
