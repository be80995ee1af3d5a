//go:build unix && !linux && !darwin && !freebsd && !netbsd

package fileid

import "golang.org/x/sys/unix"

// birthOf returns 0: this system does not tell.
func birthOf(*unix.Stat_t) int64 { return 0 }
