//go:build linux || darwin

package demo

import (
	"io/fs"
	"syscall"
	"time"
)

// appeared tells when a file got its present name: a rename changes what the
// system knows of a file, and with it the time of that change. The kernel's
// clock for it ticks every few milliseconds and so is late by at most that, to
// the disadvantage of what we measure.
func appeared(info fs.FileInfo) time.Time {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime()
	}
	sec, nsec := changeTime(stat)
	return time.Unix(sec, nsec)
}
