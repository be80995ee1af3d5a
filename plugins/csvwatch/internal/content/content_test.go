package content

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func TestACheckHoldsWhileWhatItCoversIsTheSame(t *testing.T) {
	t.Parallel()
	for _, end := range []int64{0, 1, 1023, 1024, 1025, 2048, 5000} {
		full := text(6000)
		c, err := Take(bytes.NewReader(full), end)
		require.NoError(t, err)
		require.Equal(t, end, c.End)
		holds := func(b []byte) bool {
			ok, err := c.Holds(bytes.NewReader(b))
			require.NoError(t, err)
			return ok
		}
		require.True(t, holds(full))
		require.True(t, holds(full[:end]), "what follows does not matter")
		if end == 0 {
			require.True(t, holds(nil))
			continue
		}
		require.False(t, holds(full[:end-1]), "cut at %d", end)
		require.False(t, holds(nil))
		for _, at := range []int64{0, min(end, Window) - 1, max(0, end-Window), end - 1} {
			changed := bytes.Clone(full)
			changed[at]++
			require.False(t, holds(changed), "changed at %d of %d", at, end)
		}
		if end > 2*Window {
			changed := bytes.Clone(full)
			changed[end/2]++
			require.True(t, holds(changed), "the middle is not looked at")
		}
	}
}

func TestACheckOfMoreThanThereIsFails(t *testing.T) {
	t.Parallel()
	_, err := Take(bytes.NewReader(text(10)), 11)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestTheBeginningHoldsForWhateverFollowsIt(t *testing.T) {
	t.Parallel()
	full := text(3000)
	c, err := Take(bytes.NewReader(full), 3000)
	require.NoError(t, err)
	other := append(bytes.Clone(full[:Window]), text(5)...)
	ok, err := c.Beginning().Holds(bytes.NewReader(other))
	require.NoError(t, err)
	require.True(t, ok)
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("bad cable") }

func TestAReadErrorIsNotTakenForAnotherContent(t *testing.T) {
	t.Parallel()
	c, err := Take(bytes.NewReader(text(3000)), 3000)
	require.NoError(t, err)
	_, err = c.Holds(broken{})
	require.EqualError(t, err, "bad cable")
}
