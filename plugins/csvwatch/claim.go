package csvwatch

import (
	"context"
	"errors"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

const (
	// claimEvery is how often it is looked whether another instance has let go of the positions.
	claimEvery = 250 * time.Millisecond
	// While it has not, the log says so at once, then after firstPatience, then after twice as long each time, up to
	// mostPatience.
	firstPatience = 10 * time.Second
	mostPatience  = 10 * time.Minute
)

// claim opens where positions are kept. While another instance has them it waits, since to wait is what a second instance
// is there for: the engine would say so in the log with each of its attempts, several a second.
func (i *input) claim(ctx context.Context) (positions.Store, error) {
	deadline := time.Now().Add(i.patience)
	for {
		store, err := i.config.openStore(ctx, i.resources, i.lease)
		switch {
		case !errors.Is(err, positions.ErrInUse):
			i.patience = 0
			return store, err
		case !time.Now().Before(deadline):
			i.patience = morePatience(i.patience)
			return nil, err
		}
		select {
		case <-time.After(claimEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func morePatience(than time.Duration) time.Duration {
	return min(max(firstPatience, 2*than), mostPatience)
}
