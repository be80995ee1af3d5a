package tests

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// awaitTimeout bounds every wait of a test. Only a failure takes that long.
const awaitTimeout = 2 * time.Minute

// hopeless wraps an error that waiting cannot resolve.
type hopeless struct{ error }

func (h *hopeless) Unwrap() error { return h.error }

// await polls until check returns nil. It fails the test with the last error after
// awaitTimeout, or at once if the error is hopeless.
func await(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(awaitTimeout)
	for {
		err := check()
		if err == nil {
			return
		}
		var no *hopeless
		if errors.As(err, &no) || time.Now().After(deadline) {
			require.FailNow(t, "waited in vain for "+what, err.Error())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
