package csvwatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/status"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// input is the Benthos input. Its methods are called one at a time.
type input struct {
	config    config
	resources *service.Resources
	meter     *meter
	status    *status.Input
	lease     *positions.Lease
	backoff   time.Duration // how long the next claim waits before it logs the same problem again
	logged    string        // the problem of the last claim, as logged

	watcher    *watch.Watcher
	deliveries *deliveries
	stop       context.CancelFunc
	metering   sync.WaitGroup
}

func newInput(c config, res *service.Resources) *input {
	lease := positions.NewLease(&cacheKV{res: res, name: c.cache}, c.cacheKey+"-owner")
	return &input{config: c, resources: res, meter: newMeter(res.Metrics()), lease: lease,
		status: status.Of(res).AddInput(res.Label())}
}

// Connect opens the positions, which only one instance may use, and starts to watch.
func (i *input) Connect(ctx context.Context) error {
	if i.watcher != nil {
		return nil
	}
	store, err := i.claim(ctx)
	if err != nil {
		return err
	}
	options := i.config.options(store, i.resources.Logger())
	options.OneFile = status.Of(i.resources).FollowsFiles()
	watcher, err := watch.Start(ctx, options)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	i.watcher = watcher
	i.deliveries = newDeliveries(watcher, i.config, i.resources.Logger(), i.status, i.meter.latency)
	i.publish()
	i.meter.up.Set(1)
	metering, stop := context.WithCancel(context.Background())
	i.stop = stop
	i.metering.Go(func() { i.meter.run(metering, watcher) })
	return nil
}

// ReadBatch returns the next batch and waits for it.
func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if i.watcher == nil {
		return nil, nil, service.ErrNotConnected
	}
	defer i.status.Reading()()
	batch, ack, err := i.deliveries.next(ctx, i.config.batchCount)
	if errors.Is(err, watch.ErrAllRead) {
		return nil, nil, service.ErrEndOfInput
	}
	if errors.Is(err, positions.ErrInUse) {
		i.resources.Logger().Errorf("%v: this instance stops reading", err)
		return nil, nil, errors.Join(service.ErrNotConnected, i.Close(ctx))
	}
	return batch, ack, err
}

// Close saves the positions and releases everything.
func (i *input) Close(ctx context.Context) error {
	if i.watcher == nil {
		return nil
	}
	err := i.watcher.Close(ctx)
	i.stop()
	i.metering.Wait()
	i.status.Disconnected()
	i.meter.up.Set(0)
	i.meter.pass(i.watcher.Figures())
	i.watcher = nil
	return err
}
