// Package timelimit bounds how long a call is waited for, since a file system that does not answer holds a call up for
// as long as it likes.
package timelimit

import "time"

// Run calls f in a goroutine and waits until it returns, but no longer than limit. It reports whether f has returned; if
// not, done is closed once it does, and what f writes must not be read before.
func Run(limit time.Duration, f func()) (returned bool, done <-chan struct{}) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		f()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-over:
		return true, over
	case <-timer.C:
	}
	select {
	case <-over:
		return true, over
	default:
		return false, over
	}
}
