package ecommerceevents

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// input is the Benthos input: it generates batches when they are due, and sends
// rejected messages again.
type input struct {
	conf      config
	pace      pace
	remaining int // messages still to be generated, if conf.count is above 0
	sim       *simulation
	replays   *replays // nil without auto_replay_nacks
	rows      []row    // reused without replays
}

func newInput(conf config) *input {
	i := &input{
		conf:      conf,
		pace:      pace{interval: conf.interval, now: time.Now},
		remaining: conf.count,
	}
	if conf.autoReplayNacks {
		i.replays = newReplays()
	}
	return i
}

// ConnectionTest succeeds: there is nothing to connect to.
func (i *input) ConnectionTest(context.Context) service.ConnectionTestResults {
	return service.ConnectionTestSucceeded().AsList()
}

// Connect starts the simulation.
func (i *input) Connect(context.Context) error {
	if i.sim == nil {
		i.sim = newSimulation(i.conf.settings, time.Now)
	}
	return nil
}

// ReadBatch returns rejected messages that are due again, or else the next batch
// when it is due.
func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if i.replays == nil {
		return i.readUnreplayed(ctx)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if d, ok := i.replays.refused.Take(); ok {
			batch, ack := i.replays.send(d)
			return batch, ack, nil
		}
		if i.finished() {
			if i.replays.idle() {
				return nil, nil, service.ErrEndOfInput
			}
			if err := sleep(ctx, forEver, i.replays.changed, i.replays.refused.Due()); err != nil {
				return nil, nil, err
			}
			continue
		}
		if wait := i.pace.wait(); wait > 0 {
			if err := sleep(ctx, wait, nil, i.replays.refused.Due()); err != nil {
				return nil, nil, err
			}
			continue
		}
		n := i.takeDue()
		batch, ack := i.replays.sendNew(i.sim.append(i.replays.rows(n), n))
		return batch, ack, nil
	}
}

func (i *input) readUnreplayed(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	if i.finished() {
		return nil, nil, service.ErrEndOfInput
	}
	if err := sleep(ctx, i.pace.wait(), nil, nil); err != nil {
		return nil, nil, err
	}
	n := i.takeDue()
	i.rows = i.sim.append(i.rows[:0], n)
	batch := make(service.MessageBatch, len(i.rows))
	for k := range i.rows {
		batch[k] = service.NewMessage(nil)
		i.rows[k].fill(batch[k])
	}
	return batch, func(context.Context, error) error { return nil }, nil
}

func (i *input) finished() bool {
	return i.conf.count > 0 && i.remaining == 0
}

// takeDue schedules the next batch and returns the size of the one that is due.
func (i *input) takeDue() int {
	i.pace.advance()
	n := i.conf.batchSize
	if i.conf.count > 0 {
		n = min(n, i.remaining)
		i.remaining -= n
	}
	return n
}

// Close does nothing: nothing is open.
func (i *input) Close(context.Context) error {
	return nil
}

const forEver = time.Duration(1<<63 - 1)

// sleep waits for d or until either channel has a value. It returns an error if the
// context ends first.
func sleep(ctx context.Context, d time.Duration, one, other <-chan struct{}) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-one:
	case <-other:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
