//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/internal/postgres"
)

// contender is one way to load the reference data into a table.
type contender struct {
	name string
	key  string // the table's own words for event_id: PRIMARY KEY or nothing
	load func(ctx context.Context, b *bench, table string) (sample, error)
}

// ours is the contender that every ratio is taken against.
const ours = "connect, 8 files, ignore"

const ignore = "write_mode: ignore\nprimary_keys: [ event_id ]"

func contenders() []contender {
	const keyed = "PRIMARY KEY"
	return []contender{
		{`psql \copy, 1 connection`, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, b.psqlCopy(table, b.one))
		}},
		{`psql \copy, 2 connections`, keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			return commands(ctx, b.psqlCopy(table, b.two[0]), b.psqlCopy(table, b.two[1]))
		}},
		{ours, keyed, watching("eight", ignore)},
		{"connect, 1 file, ignore", keyed, watching("one", ignore)},
		{"connect, 8 files, append", keyed, watching("eight", "write_mode: append")},
		{"connect, 8 files, append, no key", "", watching("eight", "write_mode: append")},
		{"connect, 8 files, exactly_once, no key", "", watching("eight",
			"write_mode: append\nexactly_once:\n  channel: ${!@csv_channel}\n  offset_token: ${!@csv_row}")},
		{"csv input + our output, 8 files", keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			input := stockInput(filepath.Dir(b.eight[0]) + "/*.csv")
			return b.stream(ctx, b.connect, input, rejecting(copyOutput(b.dsn, table, ignore), b.dsn))
		}},
		{"upstream csv + sql_insert, 8 files", keyed, func(ctx context.Context, b *bench, table string) (sample, error) {
			input := stockInput(filepath.Dir(b.eight[0]) + "/*.csv")
			return b.stream(ctx, b.upstream, input, labelled(sqlInsert(b.dsn, table)))
		}},
	}
}

func labelled(output string) string { return "label: events\n" + output }

func watching(files, options string) func(context.Context, *bench, string) (sample, error) {
	return func(ctx context.Context, b *bench, table string) (sample, error) {
		path := b.one
		if files == "eight" {
			path = b.eight[0]
		}
		state, err := os.MkdirTemp(b.dir, "state-")
		if err != nil {
			return sample{}, fmt.Errorf("making the state directory: %w", err)
		}
		input := watchInput(filepath.Dir(path)+"/*.csv", state)
		return b.stream(ctx, b.connect, input, rejecting(copyOutput(b.dsn, table, options), b.dsn))
	}
}

// bench is what every load needs.
type bench struct {
	dir               string
	rows              int
	server            *postgres.Server
	dsn               string
	postmaster        int
	connect, upstream string // binaries
	one               string
	two, eight        []string
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
	const table = "reference"
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return sample{}, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{
		"DROP TABLE IF EXISTS reference, rejected_events, postgres_copy_ledger",
		fmt.Sprintf(referenceTable, table, c.key),
		"CREATE TABLE rejected_events (stage text, reason text)",
		"CHECKPOINT", // so that no load pays for the one before
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return sample{}, fmt.Errorf("preparing the table: %w", err)
		}
	}

	before, err := serverCPU(b.postmaster)
	if err != nil {
		return sample{}, err
	}
	s, err := c.load(ctx, b, table)
	if err != nil {
		return s, err
	}
	after, err := serverCPU(b.postmaster)
	if err != nil {
		return s, err
	}
	s.Server = after - before

	var stored, distinct, rejected int
	err = conn.QueryRow(ctx, "SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM rejected_events) FROM reference").
		Scan(&stored, &distinct, &rejected)
	if err != nil {
		return s, fmt.Errorf("counting the rows: %w", err)
	}
	if stored != b.rows || distinct != b.rows || rejected != 0 {
		return s, fmt.Errorf("of %d rows %d are stored (%d distinct) and %d rejected", b.rows, stored, distinct, rejected)
	}
	return s, nil
}

// build compiles the product and what it is compared with.
func (b *bench) build(ctx context.Context) error {
	b.connect, b.upstream = filepath.Join(b.dir, "connect"), filepath.Join(b.dir, "upstream")
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("finding the project: %w", err)
	}
	module := string(root[:len(root)-1])
	for _, build := range []struct{ dir, out, pkg string }{
		{module, b.connect, "./cmd/connect"},
		{filepath.Join(module, "tests", "bench", "upstream"), b.upstream, "."},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", build.out, build.pkg)
		cmd.Dir, cmd.Stderr = build.dir, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("building %s: %w", build.pkg, err)
		}
	}
	return nil
}
