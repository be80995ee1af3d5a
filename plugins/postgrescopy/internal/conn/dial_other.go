//go:build !linux

package conn

import (
	"syscall"
	"time"
)

// limitUnacknowledged is left to the system here.
func limitUnacknowledged(time.Duration) func(network, address string, conn syscall.RawConn) error {
	return nil
}
