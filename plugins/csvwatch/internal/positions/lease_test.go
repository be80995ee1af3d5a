package positions

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALeaseIsRefusedWhileItsOwnerLives(t *testing.T) {
	t.Parallel()
	kv := &memoryKV{}
	first := NewLease(kv, "p-owner")
	first.self.Host, first.self.PID = "elsewhere", 12
	require.NoError(t, first.Take(t.Context()))

	second := NewLease(kv, "p-owner")
	err := second.Take(t.Context())
	require.ErrorIs(t, err, ErrInUse)
	require.EqualError(t, err, "checkpoint keys p-owner are in use by another csv_watch, process 12 on elsewhere: give each input a checkpoint_key of its own; a process that died is known as dead after 15s")

	// A sign of life begins the time anew.
	second.since = second.since.Add(-leaseTime)
	first.renewed = first.renewed.Add(-renewEvery)
	require.NoError(t, first.Renew(t.Context()))
	require.ErrorIs(t, second.Take(t.Context()), ErrInUse)

	// Without one it is taken over, which the first one learns.
	second.since = second.since.Add(-leaseTime)
	require.NoError(t, second.Take(t.Context()))
	first.renewed = first.renewed.Add(-renewEvery)
	require.ErrorIs(t, first.Renew(t.Context()), ErrInUse)

	// And a released one is free at once.
	require.NoError(t, first.Release(t.Context()), "which does nothing, since it is lost")
	require.ErrorIs(t, first.Take(t.Context()), ErrInUse)
	require.NoError(t, second.Release(t.Context()))
	require.NoError(t, first.Take(t.Context()))
}

func TestALeaseOfADeadProcessOfThisMachineIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	kv := &memoryKV{}
	dead := NewLease(kv, "p-owner")
	dead.self.PID = 1 << 30
	require.NoError(t, dead.Take(t.Context()))
	require.NoError(t, NewLease(kv, "p-owner").Take(t.Context()))

	alive := NewLease(kv, "p-owner")
	alive.self.PID = os.Getppid()
	kv.values = nil
	require.NoError(t, alive.Take(t.Context()))
	require.ErrorIs(t, NewLease(kv, "p-owner").Take(t.Context()), ErrInUse)
}

func TestOfTwoThatTakeALeaseAtOnceOneHasIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kv := &memoryKV{}
		started := make(chan struct{})
		slow := &slowKV{KV: kv, until: started}
		first, second := NewLease(slow, "p-owner"), NewLease(slow, "p-owner")
		first.self.Host, second.self.Host = "a", "b"
		errs := make(chan error, 2)
		for _, l := range []*Lease{first, second} {
			go func() { errs <- l.Take(t.Context()) }()
		}
		synctest.Wait() // both have seen that nobody has it
		close(started)
		a, b := <-errs, <-errs
		if a == nil {
			a, b = b, a
		}
		require.ErrorIs(t, a, ErrInUse)
		require.NoError(t, b)
		require.True(t, first.held != second.held)
	})
}

// slowKV lets nothing be written until a channel is closed.
type slowKV struct {
	KV
	until chan struct{}
}

func (s *slowKV) Set(ctx context.Context, key string, value []byte) error {
	<-s.until
	return s.KV.Set(ctx, key, value)
}

// hanging is a cache that no longer answers.
type hanging struct{ KV }

func (hanging) Set(ctx context.Context, _ string, _ []byte) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestACacheThatDoesNotAnswerDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kv := &memoryKV{}
		lease := NewLease(kv, "p-owner")
		require.NoError(t, lease.Take(t.Context()))
		s := OpenShards(kv, "p", lease)
		lease.kv = hanging{kv}
		began := time.Now()
		require.ErrorIs(t, s.Close(), context.DeadlineExceeded)
		require.Equal(t, leaseTime, time.Since(began))
	})
}
