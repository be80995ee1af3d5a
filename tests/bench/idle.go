//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// idleCost is what watching costs when nothing comes.
type idleCost struct {
	Files   int     `json:"files"`
	Seconds float64 `json:"seconds"`
	Core    float64 `json:"percent_of_a_core"`
	Memory  float64 `json:"memory_megabytes"`
}

// measureIdle has a pipeline load a folder of finished files, and then measures
// what it takes to go on watching them.
func (b *bench) measureIdle(ctx context.Context, files int, length time.Duration, seed uint64) (idleCost, error) {
	const table = "events"
	conn, err := pgx.Connect(ctx, b.dsn)
	if err != nil {
		return idleCost{}, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := makeTables(ctx, conn, table, reference.columns, keyed); err != nil {
		return idleCost{}, err
	}
	dir, err := os.MkdirTemp(b.dir, "idle-")
	if err != nil {
		return idleCost{}, fmt.Errorf("making the folder: %w", err)
	}
	random := rand.New(rand.NewPCG(seed, 3))
	for i := range files {
		if _, err := writeSmall(filepath.Join(dir, fmt.Sprintf("%06d.csv", i)), 1, random); err != nil {
			return idleCost{}, fmt.Errorf("writing the files: %w", err)
		}
	}
	running, err := b.startWatching(ctx, dir, table)
	if err != nil {
		return idleCost{}, err
	}
	defer running.stop()
	if err := running.awaitSent(ctx, files); err != nil {
		return idleCost{}, err
	}
	if err := running.awaitFinished(ctx, files); err != nil {
		return idleCost{}, err
	}
	return running.cost(ctx, files, length)
}

// cost measures a process that has nothing to do.
func (r *running) cost(ctx context.Context, files int, length time.Duration) (idleCost, error) {
	before, err := processCPU(r.cmd.Process.Pid, false)
	if err != nil {
		return idleCost{}, err
	}
	began := time.Now()
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return idleCost{}, ctx.Err()
	}
	took := time.Since(began)
	after, err := processCPU(r.cmd.Process.Pid, false)
	if err != nil {
		return idleCost{}, err
	}
	memory, err := residentMemory(r.cmd.Process.Pid)
	return idleCost{files, took.Seconds(), 100 * (after - before).Seconds() / took.Seconds(), float64(memory) / 1e6}, err
}
