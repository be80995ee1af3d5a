//go:build !linux

package conn

import "syscall"

// limitUnacknowledged is left to the system here.
func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }
