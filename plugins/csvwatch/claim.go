package csvwatch

import (
	"context"
	"errors"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

const (
	// claimEvery is the time between attempts to open the positions.
	claimEvery = 250 * time.Millisecond
	// A problem that lasts is logged at once, after firstBackoff, and then after twice as long each time, up to maxBackoff.
	firstBackoff = 10 * time.Second
	maxBackoff   = 10 * time.Minute
)

// claim opens the store of positions. It waits while another instance uses it, and while opening fails for the reason
// that was logged last: if it returned, the engine would log each attempt, several per second.
func (i *input) claim(ctx context.Context) (positions.Store, error) {
	deadline := time.Now().Add(i.backoff)
	for {
		store, err := i.config.openStore(ctx, i.resources, i.lease)
		switch {
		case err == nil:
			i.backoff, i.logged = 0, ""
			return store, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case reason(err) != i.logged:
			i.backoff, i.logged = firstBackoff, reason(err)
			return nil, err
		case !time.Now().Before(deadline):
			i.backoff = nextBackoff(i.backoff)
			return nil, err
		}
		select {
		case <-time.After(claimEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reason returns the same text for errors that need not be logged twice: ErrInUse contains a heartbeat, which changes.
func reason(err error) string {
	if errors.Is(err, positions.ErrInUse) {
		return positions.ErrInUse.Error()
	}
	return err.Error()
}

func nextBackoff(last time.Duration) time.Duration {
	return min(max(firstBackoff, 2*last), maxBackoff)
}
