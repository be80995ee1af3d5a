//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Linux counts a process's time in hundredths of a second whatever the kernel
// was built with (man 5 proc, USER_HZ).
const ticksPerSecond = 100

// serverUsage is what the server has used since it started.
type serverUsage struct {
	cpu time.Duration
	wal int64 // bytes of write-ahead log
}

func (b *bench) serverUsage(ctx context.Context, conn *pgx.Conn) (u serverUsage, err error) {
	if err := conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn() - '0/0'").Scan(&u.wal); err != nil {
		return u, fmt.Errorf("asking for the position in the write-ahead log: %w", err)
	}
	u.cpu, err = serverCPU(b.postmaster)
	return u, err
}

// serverCPU is the processor time that the postmaster and every backend it has
// had, living or gone, have used so far.
func serverCPU(postmaster int) (time.Duration, error) {
	total, err := processCPU(postmaster, true)
	if err != nil {
		return 0, err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	if err != nil {
		return 0, fmt.Errorf("listing the server's processes: %w", err)
	}
	for field := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading the server's processes: %w", err)
		}
		// One that has just gone is counted with the postmaster's dead.
		if used, err := processCPU(pid, false); err == nil {
			total += used
		}
	}
	return total, nil
}

// processCPU is the time a process has used, with that of the children it has
// waited for when dead is set.
func processCPU(pid int, dead bool) (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("reading the time used by process %d: %w", pid, err)
	}
	// The second field, the name, may hold spaces: count from its last bracket.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, cstime = 11, 14
	last := utime + 1
	if dead {
		last = cstime
	}
	var ticks int64
	for _, field := range fields[utime : last+1] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the time used by process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// residentMemory is what a process has in memory, in bytes.
func residentMemory(pid int) (int64, error) {
	statm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	fields := strings.Fields(string(statm))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	return pages * int64(os.Getpagesize()), nil
}
