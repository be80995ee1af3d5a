package tests

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come. It bounds a failure
// only: nothing here is measured against it.
const patience = 2 * time.Minute

// hopeless wraps an error that no waiting will cure.
type hopeless struct{ error }

func (h *hopeless) Unwrap() error { return h.error }

// await polls until check returns nil, and fails the test with its last error
// when patience runs out or the error is hopeless.
func await(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
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
