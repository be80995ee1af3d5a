package kafkarelay

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// input is the Benthos input. Each connection is a consumer of its own.
type input struct {
	conf inputConfig
	log  *service.Logger
	meter

	mu       sync.Mutex
	consumer *consumer // nil when not connected
}

// meter holds the metrics of the input.
type meter struct {
	lost *service.MetricCounter
	lag  *service.MetricGauge
}

func newInput(conf inputConfig, mgr *service.Resources) *input {
	return &input{conf: conf, log: mgr.Logger(), meter: meter{
		lost: mgr.Metrics().NewCounter(name + "_offsets_lost_total"),
		lag:  mgr.Metrics().NewGauge(name + "_lag"),
	}}
}

// Connect joins the consumer group.
func (i *input) Connect(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.consumer != nil {
		return nil
	}
	c, err := newConsumer(ctx, i.conf, i.log, i.meter)
	if err != nil {
		return err
	}
	i.consumer = c
	return nil
}

// ReadBatch waits for records.
func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	i.mu.Lock()
	c := i.consumer
	i.mu.Unlock()
	if c == nil {
		return nil, nil, service.ErrNotConnected
	}
	batch, ack, err := c.next(ctx)
	if err != nil && ctx.Err() == nil {
		i.mu.Lock()
		i.consumer = nil
		i.mu.Unlock()
		c.close()
		return nil, nil, service.ErrNotConnected
	}
	return batch, ack, err
}

// Close commits what is done and leaves the group.
func (i *input) Close(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.consumer != nil {
		i.consumer.close()
		i.consumer = nil
	}
	return nil
}
