//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// pace is how events come: so many small files a second of so many rows.
type pace struct{ files, rows int }

// paces are 10, 1,000 and 10,000 events a second.
var paces = []pace{{10, 1}, {20, 50}, {50, 200}}

// delays are how long rows took from their file's appearing to another
// connection's seeing them.
type delays struct {
	EventsPerSecond int     `json:"events_per_second"`
	Files           int     `json:"files"`
	P50             float64 `json:"p50_milliseconds"`
	P99             float64 `json:"p99_milliseconds"`
	Max             float64 `json:"max_milliseconds"`
}

// arrival is a file that was put into the folder.
type arrival struct {
	at   time.Time
	last string // the id of its last row
}

// measureLatency puts files into a folder at a pace and looks, over a
// connection of its own, when their last rows are there.
func (b *bench) measureLatency(ctx context.Context, p pace, seconds int, seed uint64, start follow) (delays, error) {
	const table = "events"
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return delays{}, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := makeTables(ctx, conn, table, reference.columns, keyed); err != nil {
		return delays{}, err
	}
	dir, err := os.MkdirTemp(b.dir, "latency-")
	if err != nil {
		return delays{}, fmt.Errorf("making the folder: %w", err)
	}
	stop, err := start(ctx, b, dir, table)
	if err != nil {
		return delays{}, err
	}
	defer stop()

	arrivals := make(chan arrival, p.files*seconds)
	writing := make(chan error, 1)
	go func() { writing <- putFiles(ctx, dir, p, seconds, seed, arrivals) }()
	took, err := awaitRows(ctx, conn, table, arrivals)
	if err != nil {
		return delays{}, err
	}
	if err := <-writing; err != nil {
		return delays{}, err
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	return delays{p.files * p.rows, len(took), at(0.5), at(0.99), at(1)}, nil
}

// follow starts a program that stores the files of a folder as they come, and returns once it waits for them.
type follow func(ctx context.Context, b *bench, folder, table string) (stop func(), err error)

func followPipeline(ctx context.Context, b *bench, folder, table string) (stop func(), err error) {
	running, err := b.startWatching(ctx, folder, table)
	if err != nil {
		return nil, err
	}
	return running.stop, running.awaitReady(ctx)
}

// putFiles writes files at an even pace, each under another name first, then
// moved to its own.
func putFiles(ctx context.Context, dir string, p pace, seconds int, seed uint64, out chan<- arrival) error {
	defer close(out)
	random := rand.New(rand.NewPCG(seed, 2))
	tick := time.NewTicker(time.Second / time.Duration(p.files))
	defer tick.Stop()
	for i := range p.files * seconds {
		path := filepath.Join(dir, fmt.Sprintf("%06d.csv", i))
		last, err := writeSmall(path+".tmp", p.rows, random)
		if err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		at := time.Now()
		if err := os.Rename(path+".tmp", path); err != nil {
			return fmt.Errorf("moving a file to its name: %w", err)
		}
		out <- arrival{at, last}
	}
	return nil
}

func writeSmall(path string, rows int, random *rand.Rand) (last string, err error) {
	var text strings.Builder
	text.WriteString(strings.Join(reference.names(), ",") + "\n")
	for range rows {
		last = randomID(random).String()
		fmt.Fprintf(&text, "%s,%s,View,P00001,Plain Lamp,12.50,2026-01-01T00:00:00.000Z\n", last, randomID(random))
	}
	return last, os.WriteFile(path, []byte(text.String()), 0o600)
}

// awaitRows looks for the last rows of the files until all are there.
func awaitRows(ctx context.Context, conn *pgx.Conn, table string, arrivals <-chan arrival) (took []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	pause := time.NewTicker(time.Millisecond)
	defer pause.Stop()
	pending := map[string]time.Time{}
	for arrivals != nil || len(pending) > 0 {
		arrivals = collect(arrivals, pending)
		ids := make([]string, 0, len(pending))
		for id := range pending {
			ids = append(ids, id)
		}
		rows, err := conn.Query(ctx, "SELECT event_id::text FROM "+table+" WHERE event_id = ANY($1::uuid[])", ids)
		if err != nil {
			return nil, fmt.Errorf("looking for rows: %w", err)
		}
		seen, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("looking for rows: %w", err)
		}
		now := time.Now()
		for _, id := range seen {
			took = append(took, now.Sub(pending[id]))
			delete(pending, id)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the rows of %d files: %w", len(pending), ctx.Err())
		}
	}
	return took, nil
}

// collect takes what has arrived without waiting, and gives nil when that was
// all.
func collect(arrivals <-chan arrival, pending map[string]time.Time) <-chan arrival {
	for {
		select {
		case a, more := <-arrivals:
			if !more {
				return nil
			}
			pending[a.last] = a.at
		default:
			return arrivals
		}
	}
}
