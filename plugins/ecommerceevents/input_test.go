package ecommerceevents

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestInput(t testing.TB, yaml string) *input {
	conf, err := parse(t, yaml)
	require.NoError(t, err)
	in := newInput(conf)
	require.NoError(t, in.Connect(t.Context()))
	return in
}

func ids(t testing.TB, batch service.MessageBatch) (ids []string) {
	for _, msg := range batch {
		content, err := msg.AsStructured()
		require.NoError(t, err)
		ids = append(ids, content.(map[string]any)[columnEventID].(string))
	}
	return ids
}

func TestCountEndsTheInputAfterDelivery(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: ''\nbatch_size: 10\ncount: 25")
	var acks []service.AckFunc
	for _, want := range []int{10, 10, 5} {
		batch, ack, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		assert.Len(t, batch, want)
		acks = append(acks, ack)
	}
	ended := make(chan error)
	go func() {
		_, _, err := in.ReadBatch(context.Background())
		ended <- err
	}()
	for _, ack := range acks {
		select {
		case err := <-ended:
			require.Fail(t, "ended before all was delivered", err)
		default:
		}
		require.NoError(t, ack(t.Context(), nil))
	}
	assert.ErrorIs(t, <-ended, service.ErrEndOfInput)
}

func TestARejectedBatchIsSentAgainAsItWas(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: 1h\nbatch_size: 10")
	first, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	want := ids(t, first)
	for range 5 {
		require.NoError(t, ack(t.Context(), errors.New("no room")))
		require.NoError(t, ack(t.Context(), errors.New("a second answer counts for nothing")))
		var again service.MessageBatch
		again, ack, err = in.ReadBatch(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, ids(t, again))
	}
	require.NoError(t, ack(t.Context(), nil))
	assert.True(t, in.replays.idle())
}

func TestOnlyTheMessagesThatFailedAreSentAgain(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: 1h\nbatch_size: 6")
	batch, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	all := ids(t, batch)

	// Downstream things are filtered, copied and put in another order.
	later := service.MessageBatch{batch[5].Copy(), batch[2].DeepCopy(), batch[0]}
	later[1].SetBytes([]byte("something else"))
	failure := service.NewBatchError(later, errors.New("some failed"))
	failure.Failed(0, errors.New("bad"))
	failure.Failed(1, errors.New("bad"))
	require.NoError(t, ack(t.Context(), failure))

	batch, ack, err = in.ReadBatch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{all[2], all[5]}, ids(t, batch))

	require.NoError(t, ack(t.Context(), service.NewBatchError(batch, errors.New("bad")).Failed(1, errors.New("bad"))))
	batch, ack, err = in.ReadBatch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{all[5]}, ids(t, batch))
	require.NoError(t, ack(t.Context(), nil))
	assert.True(t, in.replays.idle())
}

func TestAFailureOfUnknownMessagesSendsAllAgain(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: 1h\nbatch_size: 3")
	batch, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	want := ids(t, batch)
	strangers := service.MessageBatch{service.NewMessage(nil), service.NewMessage(nil)}
	require.NoError(t, ack(t.Context(), service.NewBatchError(strangers, errors.New("bad")).Failed(1, errors.New("bad"))))
	batch, _, err = in.ReadBatch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, ids(t, batch))
}

func TestARejectionWakesAWaitingInput(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: 1h\nbatch_size: 3")
	first, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	go func() { _ = ack(context.Background(), errors.New("no room")) }()
	again, _, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ids(t, first), ids(t, again))
}

func TestStoppingInterruptsEveryWait(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		"interval: 1h",
		"interval: 1h\nauto_replay_nacks: false",
		"interval: 1h\ncount: 1",
	} {
		in := newTestInput(t, yaml)
		_, _, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err = in.ReadBatch(ctx)
		if !errors.Is(err, service.ErrEndOfInput) {
			assert.ErrorIs(t, err, context.Canceled, yaml)
		}
	}
}

func TestABatchSurvivesAnInterruptedRetry(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: 1h")
	batch, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, ack(t.Context(), errors.New("no room")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = in.ReadBatch(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, in.replays.idle())
	again, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ids(t, batch), ids(t, again))
	require.NoError(t, ack(t.Context(), nil))
	assert.True(t, in.replays.idle())
}

func TestChangedMessagesAreSentAgainUnchanged(t *testing.T) {
	t.Parallel()
	in := newTestInput(t, "interval: 1h\nbatch_size: 2")
	batch, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	want := ids(t, batch)
	content, err := batch[0].AsStructuredMut()
	require.NoError(t, err)
	content.(map[string]any)[columnEventID] = "changed"
	require.NoError(t, ack(t.Context(), errors.New("no room")))
	batch, _, err = in.ReadBatch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, ids(t, batch))
}

// TestAFailingOutputGetsEveryEvent runs the real engine.
func TestAFailingOutputGetsEveryEvent(t *testing.T) {
	t.Parallel()
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.AddInputYAML(`
ecommerce_events:
  interval: ""
  batch_size: 50
  count: 2000
`))
	require.NoError(t, builder.AddProcessorYAML(`mapping: 'root.id = this.event_id'`))
	require.NoError(t, builder.SetLoggerYAML(`level: OFF`))
	var mu sync.Mutex
	tries, delivered := map[string]int{}, map[string]int{}
	require.NoError(t, builder.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
		mu.Lock()
		defer mu.Unlock()
		failure := service.NewBatchError(batch, errors.New("some failed"))
		for i, msg := range batch {
			content, err := msg.AsStructured()
			if err != nil {
				return err
			}
			id := content.(map[string]any)["id"].(string)
			if tries[id]++; i%10 == 3 && tries[id] < 3 {
				failure.Failed(i, errors.New("bad"))
			} else {
				delivered[id]++
			}
		}
		if failure.IndexedErrors() > 0 {
			return failure
		}
		return nil
	}))
	stream, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, stream.Run(t.Context()))
	require.Len(t, delivered, 2000)
	for id, n := range delivered {
		require.Equal(t, 1, n, id)
	}
}

// TestARefusedEventComesAgainBehindAFilter runs a mapping that deletes events, after which those behind them have other
// places in their batch.
func TestARefusedEventComesAgainBehindAFilter(t *testing.T) {
	t.Parallel()
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.AddInputYAML("ecommerce_events:\n  interval: \"\"\n  batch_size: 10\n  count: 200\n"))
	require.NoError(t, builder.AddProcessorYAML(`mapping: 'root = if batch_index() == 1 { deleted() }'`))
	require.NoError(t, builder.SetLoggerYAML(`level: OFF`))
	var mu sync.Mutex
	refused, delivered := map[string]bool{}, map[string]int{}
	require.NoError(t, builder.AddBatchConsumerFunc(func(_ context.Context, batch service.MessageBatch) error {
		mu.Lock()
		defer mu.Unlock()
		failure := service.NewBatchError(batch, errors.New("some failed"))
		for i, id := range ids(t, batch) {
			if i == 2 && !refused[id] {
				refused[id] = true
				failure.Failed(i, errors.New("bad"))
			} else {
				delivered[id]++
			}
		}
		if failure.IndexedErrors() > 0 {
			return failure
		}
		return nil
	}))
	stream, err := builder.Build()
	require.NoError(t, err)
	require.NoError(t, stream.Run(t.Context()))
	require.Len(t, refused, 20)
	for id := range refused {
		require.Equal(t, 1, delivered[id], "a refused event comes again")
	}
	for id, n := range delivered {
		require.Equal(t, 1, n, id)
	}
}
