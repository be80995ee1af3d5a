package csvwatch

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// input is the component's lifecycle; everything else is beneath it.
type input struct {
	config     config
	resources  *service.Resources
	deliveries *deliveries
	watcher    *watch.Watcher
}

func newInput(c config, res *service.Resources) *input {
	return &input{config: c, resources: res}
}

// Connect opens the positions, which only one instance may have, and begins to watch.
func (i *input) Connect(ctx context.Context) error {
	store, err := i.config.openStore(i.resources)
	if err != nil {
		return err
	}
	i.watcher, err = watch.Start(ctx, i.config.options(store, i.resources.Logger()))
	if err != nil {
		return errors.Join(err, store.Close())
	}
	i.deliveries = newDeliveries(i.watcher, i.config.autoRetryNacks, i.resources.Logger())
	return nil
}

// ReadBatch waits for rows.
func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if i.deliveries == nil {
		return nil, nil, service.ErrNotConnected
	}
	return i.deliveries.next(ctx, i.config.batchCount)
}

// Close saves the positions and lets go of everything.
func (i *input) Close(ctx context.Context) error {
	if i.watcher == nil {
		return nil
	}
	return i.watcher.Close(ctx)
}
