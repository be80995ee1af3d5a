package kafkarelay

import (
	"context"
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
)

// shopRows are rows of the shop, with its ten columns.
func shopRows(n int) service.MessageBatch {
	columns := []any{"event_id", "user_id", "session_id", "event_type", "product_id", "product_name", "category", "price", "quantity", "timestamp"}
	var batch service.MessageBatch
	for i := range n {
		cells := map[string]any{
			"event_id": fmt.Sprintf("0190a3e0-0000-7000-8000-%012x", i), "user_id": fmt.Sprint(i), "session_id": "0190a3e0-0000-7000-8000-000000000000",
			"event_type": "View", "product_id": "7", "product_name": "Lamp", "category": "home", "price": "12.50", "quantity": nil, "timestamp": "2026-01-02T03:04:05Z",
		}
		raw := fmt.Sprintf("%s,%d,0190a3e0-0000-7000-8000-000000000000,View,7,Lamp,home,12.50,,2026-01-02T03:04:05Z", cells["event_id"], i)
		m := row("0190a3e0-1111-7000-8000-000000000000", int64(i+1), cells, raw)
		m.MetaSetImmut("header", service.ImmutableAny{V: columns})
		batch = append(batch, m)
	}
	return batch
}

// BenchmarkRelay writes and reads batches of 7,000 rows; the time is that of a
// batch.
func BenchmarkRelay(b *testing.B) {
	brokers := kafkatest.Brokers(b)
	topic := kafkatest.NewTopic(b, brokers, 1)
	mgr := service.MockResources()
	batch := shopRows(7000)
	parsed, err := outputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\ntopic: %s", brokers, topic), nil)
	require.NoError(b, err)
	outputConf, err := outputConfigFromParsed(parsed)
	require.NoError(b, err)
	parsed, err = inputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\n%s", brokers, group(topic)), nil)
	require.NoError(b, err)
	inputConf, err := inputConfigFromParsed(parsed)
	require.NoError(b, err)

	written := 0
	b.Run("write", func(b *testing.B) {
		out := newOutput(outputConf, mgr)
		require.NoError(b, out.Connect(b.Context()))
		defer out.Close(context.Background())
		for b.Loop() {
			require.NoError(b, out.WriteBatch(b.Context(), batch))
			written += len(batch)
		}
	})
	b.Run("read", func(b *testing.B) {
		in := newInput(inputConf, mgr)
		require.NoError(b, in.Connect(b.Context()))
		defer in.Close(context.Background())
		read := 0
		for b.Loop() {
			for target := read + len(batch); read < min(target, written); {
				messages, ack, err := in.ReadBatch(b.Context())
				require.NoError(b, err)
				read += len(messages)
				require.NoError(b, ack(b.Context(), nil))
			}
		}
	})
}
