package positions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// renewEvery is how often the owner of a cache's keys says that it is alive.
	renewEvery = 3 * time.Second
	// leaseTime is how long another one must have seen no sign of life before it takes over.
	leaseTime = 15 * time.Second
	// confirmAfter is how long after taking the keys it is looked whether another one did the same.
	confirmAfter = 500 * time.Millisecond
)

// owner is what the key of a lease holds.
type owner struct {
	ID   string `json:"id"`
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Beat changes with every sign of life. Clocks of two machines are never compared.
	Beat int64 `json:"beat"`
}

// Lease keeps a second instance from working on the same keys by mistake. A cache offers no locks, so of two that begin in
// the same moment the one is refused that finds the other's name in its place a little later.
type Lease struct {
	kv   KV
	key  string
	self owner

	held    bool
	renewed time.Time

	// The other owner, as last seen.
	other owner
	since time.Time
}

// NewLease prepares a lease under a key. It outlives attempts to take it, since it is by watching over a while that an
// owner is found to be dead.
func NewLease(kv KV, key string) *Lease {
	host, _ := os.Hostname()
	return &Lease{kv: kv, key: key, self: owner{ID: uuid.NewString(), Host: host, PID: os.Getpid()}}
}

// Take takes the lease; the error wraps ErrInUse while another instance has it.
func (l *Lease) Take(ctx context.Context) error {
	now := time.Now()
	other, err := l.read(ctx)
	if err != nil {
		return err
	}
	if other != l.other {
		l.other, l.since = other, now
	}
	if other.ID != "" && other.ID != l.self.ID && !l.isDead(now) {
		return fmt.Errorf("checkpoint keys %s are %w, process %d on %s: give each input a checkpoint_key of its own; a process that died is known as dead after %s",
			l.key, ErrInUse, other.PID, other.Host, leaseTime)
	}
	if err := l.write(ctx, now); err != nil {
		return err
	}
	return l.confirm(ctx)
}

// confirm looks whether the lease was kept: of several that take it in the same moment, the last one has it.
func (l *Lease) confirm(ctx context.Context) error {
	select {
	case <-time.After(confirmAfter):
	case <-ctx.Done():
		l.drop()
		return ctx.Err()
	}
	other, err := l.read(ctx)
	if err == nil && other.ID != l.self.ID {
		err = fmt.Errorf("checkpoint keys %s are %w: process %d on %s took them in the same moment", l.key, ErrInUse, other.PID, other.Host)
	}
	if err != nil {
		l.drop()
	}
	return err
}

// isDead tells that the other owner is gone. A process on this machine can be asked for. One with this process's own
// number is either another input of this process or was an earlier life of this container.
func (l *Lease) isDead(now time.Time) bool {
	if now.Sub(l.since) >= leaseTime {
		return true
	}
	if l.other.Host != l.self.Host {
		return false
	}
	if l.other.PID == l.self.PID {
		_, alive := heldHere.Load(l.other.ID)
		return !alive
	}
	return !isRunning(l.other.PID)
}

// heldHere are the IDs of the leases that this process holds.
var heldHere sync.Map

// Renew says, not more often than needed, that this instance is alive. The error wraps ErrInUse when another one has
// taken over.
func (l *Lease) Renew(ctx context.Context) error {
	now := time.Now()
	if now.Sub(l.renewed) < renewEvery {
		return nil
	}
	other, err := l.read(ctx)
	if err != nil {
		return err
	}
	if other.ID != "" && other.ID != l.self.ID {
		l.drop()
		return fmt.Errorf("checkpoint keys %s are %w: process %d on %s took them over", l.key, ErrInUse, other.PID, other.Host)
	}
	return l.write(ctx, now)
}

// Release lets others have the lease at once.
func (l *Lease) Release(ctx context.Context) error {
	if !l.held {
		return nil
	}
	l.drop()
	return l.kv.Set(ctx, l.key, []byte("{}"))
}

func (l *Lease) drop() {
	l.held = false
	heldHere.Delete(l.self.ID)
}

func (l *Lease) read(ctx context.Context) (o owner, err error) {
	value, err := l.kv.Get(ctx, l.key)
	if errors.Is(err, ErrNoValue) {
		return owner{}, nil
	}
	if err != nil {
		return owner{}, fmt.Errorf("looking who has the positions: %w", err)
	}
	if json.Unmarshal(value, &o) != nil {
		return owner{}, nil // torn or foreign: it says nothing about an owner
	}
	return o, nil
}

func (l *Lease) write(ctx context.Context, now time.Time) error {
	l.self.Beat++
	value, err := json.Marshal(l.self)
	if err != nil {
		return err
	}
	if err := l.kv.Set(ctx, l.key, value); err != nil {
		return fmt.Errorf("saying who has the positions: %w", err)
	}
	l.held, l.renewed = true, now
	heldHere.Store(l.self.ID, nil)
	return nil
}
