package csvwatch

import (
	"context"
	"errors"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

const (
	// claimEvery is how often it is looked whether another instance has let go of the positions, or whether what kept
	// them from being opened was put right.
	claimEvery = 250 * time.Millisecond
	// While it is not so, the log says so at once, then after firstPatience, then after twice as long each time, up to
	// mostPatience.
	firstPatience = 10 * time.Second
	mostPatience  = 10 * time.Minute
)

// claim opens where positions are kept. While another instance has them it waits, since to wait is what a second instance
// is there for, and so it does while they cannot be opened for the reason that was told last: the engine would say so in
// the log with each of its attempts, several a second.
func (i *input) claim(ctx context.Context) (positions.Store, error) {
	deadline := time.Now().Add(i.patience)
	for {
		store, err := i.config.openStore(ctx, i.resources, i.lease)
		switch {
		case err == nil:
			i.patience, i.told = 0, ""
			return store, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case reason(err) != i.told:
			i.patience, i.told = firstPatience, reason(err)
			return nil, err
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

// reason is the same for errors that need not be told twice: another instance shows itself by its beats, which change.
func reason(err error) string {
	if errors.Is(err, positions.ErrInUse) {
		return positions.ErrInUse.Error()
	}
	return err.Error()
}

func morePatience(than time.Duration) time.Duration {
	return min(max(firstPatience, 2*than), mostPatience)
}
