package main

import (
	"os"
	"runtime/debug"
)

const (
	// garbagePercent lets the heap grow to four times what is live before it is
	// collected. Rows live only until they are stored, so little is live, and
	// Go's default of 100 spends a third of the time collecting.
	garbagePercent = 300
	// memoryLimit is where collecting becomes eager again, in bytes.
	memoryLimit = 160 << 20
)

// tuneMemory trades memory that is there for speed, unless the person who runs
// the program has set Go's own environment variables.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
