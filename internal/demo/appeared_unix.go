//go:build linux || darwin

package demo

import (
	"io/fs"
	"syscall"
	"time"
)

// appeared returns when a file got its current name, since a rename sets the change
// time. The kernel's clock for it lags by up to a few milliseconds, which makes the
// measured latency longer rather than shorter.
func appeared(info fs.FileInfo) time.Time {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime()
	}
	sec, nsec := changeTime(stat)
	return time.Unix(sec, nsec)
}
