//go:build linux

// Command bench loads the same files into PostgreSQL in several ways, in turn,
// and says what each cost:
//
//	go run ./tests/bench
//
// It needs Linux, Go and PostgreSQL's programs, and nothing else: it starts a
// throwaway server with PostgreSQL's own default settings, writes its data from
// a fixed seed, and builds what it measures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/internal/postgres"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	rows := flag.Int("rows", 1_000_000, "rows of the reference data")
	rounds := flag.Int("rounds", 3, "how often each way is measured; the ways take turns")
	seed := flag.Uint64("seed", 1, "the reference data's seed")
	only := flag.String("only", "", "measure only the ways whose name holds this")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := measure(ctx, *rows, *rounds, *seed, *only)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(results)
	}
	return printTable(os.Stdout, results)
}

func measure(ctx context.Context, rows, rounds int, seed uint64, only string) (*results, error) {
	if rows < 8 || rounds < 1 {
		return nil, fmt.Errorf("rows must be at least 8 and rounds at least 1, got %d and %d", rows, rounds)
	}
	b, closeBench, err := prepare(ctx, rows, seed)
	if err != nil {
		return nil, err
	}
	defer closeBench()

	r := newResults(rows, rounds, seed)
	for round := range rounds {
		for _, c := range contenders() {
			if !strings.Contains(c.name, only) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s", round+1, rounds, c.name)
			s, err := b.run(ctx, c)
			if err != nil {
				fmt.Fprintln(os.Stderr)
				return nil, fmt.Errorf("measuring %s: %w", c.name, err)
			}
			fmt.Fprintf(os.Stderr, ": %.2f s\n", s.Wall.Seconds())
			r.add(c.name, s)
		}
	}
	return r, nil
}

// prepare makes all that the loads share.
func prepare(ctx context.Context, rows int, seed uint64) (*bench, func(), error) {
	dir, err := os.MkdirTemp("", "connect-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a directory: %w", err)
	}
	b := &bench{dir: dir, rows: rows}
	tidy := func() {
		if b.server != nil {
			_ = b.server.Stop(context.WithoutCancel(ctx))
		}
		_ = os.RemoveAll(dir)
	}
	if err := b.fill(ctx, seed); err != nil {
		tidy()
		return nil, nil, err
	}
	return b, tidy, nil
}

func (b *bench) fill(ctx context.Context, seed uint64) (err error) {
	fmt.Fprintln(os.Stderr, "building the binaries and writing the data")
	if err = b.build(ctx); err != nil {
		return err
	}
	if b.one, b.two, b.eight, err = references(b.dir, b.rows, seed); err != nil {
		return err
	}
	if b.server, err = postgres.Start(ctx, postgres.Options{Log: os.Stderr}); err != nil {
		return err
	}
	if b.dsn, _, err = b.server.CreateDatabase(ctx); err != nil {
		return err
	}
	b.postmaster, err = postmaster(ctx, b.dsn)
	return err
}

// postmaster asks the server for its process id.
func postmaster(ctx context.Context, dsn string) (int, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(ctx)
	var dir string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return 0, fmt.Errorf("asking for the data directory: %w", err)
	}
	file, err := os.Open(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("reading the server's process id: %w", err)
	}
	defer file.Close()
	var pid int
	if _, err := fmt.Fscan(file, &pid); err != nil {
		return 0, fmt.Errorf("reading the server's process id: %w", err)
	}
	return pid, nil
}
