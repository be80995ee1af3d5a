package content

import (
	"bytes"
	"errors"
	"math/rand/v2"
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

func checkOf(b []byte) Check {
	h := NewHash()
	h.Write(b)
	return h.Check()
}

func verify(t *testing.T, want Check, more *Check, b []byte) *Verification {
	t.Helper()
	v := Verify(want, more)
	for {
		done, err := v.Step(bytes.NewReader(b), 700)
		require.NoError(t, err)
		if done {
			return v
		}
	}
}

func TestACheckCoversEveryByte(t *testing.T) {
	t.Parallel()
	for _, end := range []int{1, 1023, 1024, 1025, 2048, 5000} {
		full := text(6000)
		c := checkOf(full[:end])
		require.EqualValues(t, end, c.End)
		require.True(t, verify(t, c, nil, full).Holds())
		require.True(t, verify(t, c, nil, full[:end]).Holds(), "what follows does not matter")
		require.False(t, verify(t, c, nil, full[:end-1]).Holds(), "cut at %d", end)
		for _, at := range []int{0, end / 3, end / 2, end - 1} {
			changed := bytes.Clone(full)
			changed[at]++
			require.False(t, verify(t, c, nil, changed).Holds(), "changed at %d of %d", at, end)
			holds, err := c.TailHolds(bytes.NewReader(changed))
			require.NoError(t, err)
			require.Equal(t, at < end-Window, holds, "changed at %d of %d", at, end)
		}
	}
}

func TestWhatWasHandedOutIsVerifiedToo(t *testing.T) {
	t.Parallel()
	full := text(6000)
	consumed, handed := checkOf(full[:2000]), checkOf(full[:5000])
	v := verify(t, consumed, &handed, full)
	require.True(t, v.Holds())
	require.Equal(t, consumed, v.Consumed().Check())
	require.False(t, verify(t, consumed, &handed, full[:4999]).Holds())
	changed := bytes.Clone(full)
	changed[3000]++
	require.False(t, verify(t, consumed, &handed, changed).Holds())
	require.True(t, verify(t, handed, &consumed, full).Holds(), "it reaches less far")
}

func TestAHashDoesNotDependOnThePieces(t *testing.T) {
	t.Parallel()
	full := text(10_000)
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		h := NewHash()
		for at := 0; at < len(full); {
			n := min(len(full)-at, r.IntN(3000))
			h.Write(full[at : at+n])
			at += n
		}
		require.Equal(t, checkOf(full), h.Check())
	}
}

func TestATrackerHashesWhatWasReadThen(t *testing.T) {
	t.Parallel()
	full := text(4000)
	src := bytes.Clone(full)
	tr := Track(bytes.NewReader(src), NewHash())
	buf := make([]byte, 3000)
	_, err := tr.ReadAt(buf, 0)
	require.NoError(t, err)
	src[100]++ // it is rewritten after it was read
	c, err := tr.Consume(2000)
	require.NoError(t, err)
	require.Equal(t, checkOf(full[:2000]), c)
	stands, err := tr.Stands(NewHash())
	require.NoError(t, err)
	require.False(t, stands)
	require.True(t, tr.HeldHolds(1<<20))
	src[2999]++
	require.False(t, tr.HeldHolds(10))
	src[2999]--
	_, err = tr.ReadAt(buf[:1000], 3000)
	require.NoError(t, err)
	c, err = tr.Consume(4000)
	require.NoError(t, err)
	require.Equal(t, checkOf(full), c)
	require.Equal(t, c, tr.Hash().Check())
}

func TestATrackerHoldsLittle(t *testing.T) {
	t.Parallel()
	full := text(8 << 20)
	tr := Track(bytes.NewReader(full), NewHash())
	buf := make([]byte, 100_000)
	for off := int64(0); off < int64(len(full)); {
		n, _ := tr.ReadAt(buf, off)
		off += int64(n)
		require.LessOrEqual(t, len(tr.held), mostHeld)
	}
	require.True(t, tr.HeldHolds(leastHeld))
	for _, end := range []int64{5, 3 << 20, 8<<20 - 10, 8 << 20} {
		c, err := tr.Consume(end)
		require.NoError(t, err)
		require.Equal(t, checkOf(full[:end]), c)
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("bad cable") }

func TestAReadErrorIsNotTakenForAnotherContent(t *testing.T) {
	t.Parallel()
	_, err := Verify(checkOf(text(3000)), nil).Step(broken{}, 100)
	require.EqualError(t, err, "bad cable")
	_, err = checkOf(text(3000)).TailHolds(broken{})
	require.EqualError(t, err, "bad cable")
	_, err = Legacy{HeadLen: 10}.Holds(broken{})
	require.EqualError(t, err, "bad cable")
}

func TestPositionsOfAnOlderVersionAreAdopted(t *testing.T) {
	t.Parallel()
	full := text(3000)
	head, err := hashOf(bytes.NewReader(full), 0, 1024)
	require.NoError(t, err)
	tail, err := hashOf(bytes.NewReader(full), 2900-1024, 1024)
	require.NoError(t, err)
	old := Legacy{End: 2900, Head: head, Tail: tail, HeadLen: 1024, TailLen: 1024}
	for at, want := range map[int]bool{0: false, 1500: true, 2899: false, 2950: true} {
		changed := bytes.Clone(full)
		changed[at]++
		holds, err := old.Holds(bytes.NewReader(changed))
		require.NoError(t, err)
		require.Equal(t, want, holds)
	}
	holds, err := old.Holds(bytes.NewReader(full[:2899]))
	require.NoError(t, err)
	require.False(t, holds)

	v := Adopt(old.End)
	done, err := v.Step(bytes.NewReader(full), 1<<20)
	require.NoError(t, err)
	require.True(t, done && v.Holds())
	require.Equal(t, checkOf(full[:2900]), v.Consumed().Check())
}
