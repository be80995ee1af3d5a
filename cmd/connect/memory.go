package main

import (
	"os"
	"runtime/debug"
)

const (
	// garbagePercent lets the heap grow to four times its live size. Rows are live
	// only until they are stored, so the live size is small, and with Go's default of
	// 100 a third of the CPU time goes into garbage collection.
	garbagePercent = 300
	// memoryLimit, in bytes, is where garbage collection becomes eager again.
	memoryLimit = 160 << 20
)

// tuneMemory sets these unless the environment variables GOGC and GOMEMLIMIT do.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
