package main

import (
	"runtime/debug"
	"testing"
	"time"
)

func TestTheMemoryLimitFollowsTheLiveHeap(t *testing.T) {
	for live, want := range map[uint64]int64{0: memoryLimit, 50 << 20: memoryLimit, 100 << 20: 200 << 20, 4 << 30: 8 << 30} {
		if got := limitFor(live); got != want {
			t.Errorf("limitFor(%d) = %d, want %d", live, got, want)
		}
	}
}

// A pipeline that keeps 300 MiB alive is not collected again and again.
func TestALargeLiveHeapRaisesTheMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(memoryLimit)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	go followLiveHeap()
	kept := make([][]byte, 300)
	for i := range kept {
		kept[i] = make([]byte, 1<<20)
	}
	debug.FreeOSMemory() // a collection, which counts what is live
	for end := time.Now().Add(30 * time.Second); debug.SetMemoryLimit(-1) < 600<<20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the limit is %d", debug.SetMemoryLimit(-1))
		}
	}
	if len(kept[299]) == 0 {
		t.Fatal("unreachable")
	}
}
