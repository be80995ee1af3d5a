//go:build unix

package positions

import (
	"errors"
	"syscall"
)

// isRunning tells whether there is a process of this number on this machine.
func isRunning(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
