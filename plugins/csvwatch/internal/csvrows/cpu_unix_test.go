//go:build unix

package csvrows

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used so far, which a busy machine does not distort as it does the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
