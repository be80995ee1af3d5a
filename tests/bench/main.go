//go:build linux

// Command bench loads the same files into PostgreSQL in several ways, in turn,
// and says what each cost; then how long rows take from a file to the table, and
// what watching costs when nothing comes:
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
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

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
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows to load")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each way is measured; the ways take turns")
	flag.Uint64Var(&o.seed, "seed", 1, "the data's seed")
	flag.IntVar(&o.seconds, "seconds", 20, "how long latency is measured at each pace, and idling")
	flag.IntVar(&o.files, "files", 10_000, "finished files in the folder that is watched for idling")
	only := flag.String("only", "", "measure only what has a name that matches this regular expression, such as 'reference: connect', latency, scale or idle")
	flag.StringVar(&o.parallelCopy, "parallel-copy", "", "a timescaledb-parallel-copy `binary` to compare with")
	flag.StringVar(&o.before, "before", "", "another build of connect to compare with, a `binary`")
	flag.StringVar(&o.spark.python, "spark", "", "a `python` that has PySpark, to compare with the Spark job; needs -jdbc")
	flag.StringVar(&o.spark.jar, "jdbc", "", "PostgreSQL's JDBC driver, a `jar`, for -spark")
	flag.StringVar(&o.postgres, "postgres", "", "the `version` of PostgreSQL, such as 18; downloaded where it is not installed")
	chart := flag.String("plot", "", "draw the loads of the reference data into this `file`, .svg or .png")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("reading -only: %w", err)
	}
	if err := o.check(); err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := measure(ctx, o)
	if err != nil {
		return err
	}
	if *chart != "" {
		if err := results.draw(*chart); err != nil {
			return err
		}
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(results)
	}
	return results.print(os.Stdout)
}

// options are the flags.
type options struct {
	rows, rounds, seconds, files int
	seed                         uint64
	only                         *regexp.Regexp
	parallelCopy, before         string
	spark                        spark
	postgres                     string
}

// leastRows is enough for as many of the shop's files as there are to be.
const leastRows = 64

func (o *options) check() error {
	if o.rows < leastRows || o.rounds < 1 || o.seconds < 1 || o.files < 1 {
		return fmt.Errorf("rows must be at least %d, and rounds, seconds and files at least 1", leastRows)
	}
	if (o.spark.python == "") != (o.spark.jar == "") {
		return errors.New("-spark and -jdbc go together")
	}
	return nil
}

// bench is what every measurement needs.
type bench struct {
	dir               string
	rows              int
	server            *postgres.Server
	dsn               string
	postmaster        int
	connect, upstream string // binaries
	one               string
	two, eight, shop  []string
	bad               []string // eight, with a tenth of the rows bad
	filtered          int      // rows of the eight that everyTenth leaves out
}

func measure(ctx context.Context, o options) (*results, error) {
	b, closeBench, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	defer closeBench()
	r := newResults(o)
	for round := range o.rounds {
		for _, c := range contenders(o) {
			name := c.data.name + ": " + c.name
			if !o.only.MatchString(name) {
				continue
			}
			s, err := b.run(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("measuring %s: %w", name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %.2f s\n", round+1, o.rounds, name, s.Wall.Seconds())
			r.add(c.data.name, c.name, s)
		}
	}
	if o.only.MatchString("latency") {
		for _, p := range paces {
			fmt.Fprintf(os.Stderr, "latency at %d events/s, for %d s\n", p.files*p.rows, o.seconds)
			d, err := b.measureLatency(ctx, p, o.seconds, o.seed, followPipeline)
			if err != nil {
				return nil, fmt.Errorf("measuring latency: %w", err)
			}
			r.Latency = append(r.Latency, d)
		}
		if o.spark.python != "" {
			fmt.Fprintf(os.Stderr, "latency of the Spark job, for %d s\n", o.seconds)
			d, err := b.measureLatency(ctx, paces[0], o.seconds, o.seed, o.spark.follow)
			if err != nil {
				return nil, fmt.Errorf("measuring the latency of Spark: %w", err)
			}
			r.SparkLatency = &d
		}
	}
	if o.only.MatchString("scale") {
		if err := b.measureScale(ctx, r, o); err != nil {
			return nil, fmt.Errorf("measuring scale: %w", err)
		}
	}
	if o.only.MatchString("idle") {
		fmt.Fprintf(os.Stderr, "idling beside %d files, for %d s\n", o.files, o.seconds)
		cost, err := b.measureIdle(ctx, o.files, time.Duration(o.seconds)*time.Second, o.seed)
		if err != nil {
			return nil, fmt.Errorf("measuring idling: %w", err)
		}
		r.Idle = &cost
	}
	return r, nil
}

// prepare makes all that the loads share.
func prepare(ctx context.Context, o options) (*bench, func(), error) {
	dir, err := os.MkdirTemp("", "connect-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a directory: %w", err)
	}
	b := &bench{dir: dir, rows: o.rows}
	tidy := func() {
		if b.server != nil {
			_ = b.server.Stop(context.WithoutCancel(ctx))
		}
		_ = os.RemoveAll(dir)
	}
	if err := b.fill(ctx, o); err != nil {
		tidy()
		return nil, nil, err
	}
	return b, tidy, nil
}

func (b *bench) fill(ctx context.Context, o options) (err error) {
	fmt.Fprintln(os.Stderr, "building the binaries and writing the data")
	if err = b.build(ctx); err != nil {
		return err
	}
	if b.one, b.two, b.eight, err = references(b.dir, b.rows, o.seed); err != nil {
		return err
	}
	if b.bad, b.filtered, err = spoil(filepath.Join(b.dir, "bad"), b.eight); err != nil {
		return err
	}
	if b.shop, err = shopFiles(ctx, b.connect, b.dir, b.rows, o.seed); err != nil {
		return err
	}
	if b.server, err = postgres.Start(ctx, postgres.Options{Version: o.postgres, Log: os.Stderr}); err != nil {
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
