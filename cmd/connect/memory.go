package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// garbagePercent lets the heap grow to four times what is live before it is
	// collected. Rows live only until they are stored, so little is live, and
	// Go's default of 100 spends a third of the time collecting.
	garbagePercent = 300
	// memoryLimit is where collecting becomes eager again, in bytes.
	memoryLimit = 160 << 20
	// limitEvery is how often the limit follows the live heap.
	limitEvery = time.Second
)

// tuneMemory trades memory that is there for speed, unless the person who runs
// the program has set Go's own environment variables.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
		go followLiveHeap()
	}
}

// followLiveHeap raises the limit for pipelines that keep much alive, which would
// be collected without a pause otherwise.
func followLiveHeap() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for range time.Tick(limitEvery) {
		metrics.Read(live)
		debug.SetMemoryLimit(limitFor(live[0].Value.Uint64()))
	}
}

// limitFor returns the memory limit for a heap of which so many bytes are live.
func limitFor(live uint64) int64 {
	return max(memoryLimit, 2*int64(live))
}
