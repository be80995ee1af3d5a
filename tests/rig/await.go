package rig

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Timeout bounds every wait of a test. Only a failing test takes that long.
const Timeout = 2 * time.Minute

// hopelessError is an error that waiting cannot resolve.
type hopelessError struct{ error }

func (h *hopelessError) Unwrap() error { return h.error }

// Hopeless marks an error that waiting cannot resolve, so that Await fails at once.
func Hopeless(err error) error { return &hopelessError{err} }

// Await polls until check returns nil. It fails the test with the last error after
// Timeout, or at once if the error is Hopeless.
func Await(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(Timeout)
	for {
		err := check()
		if err == nil {
			return
		}
		var no *hopelessError
		if errors.As(err, &no) || time.Now().After(deadline) {
			require.FailNow(t, "waited in vain for "+what, err.Error())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
