package kafkatest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestRecordsSurviveAKilledBroker(t *testing.T) {
	t.Parallel()
	b := New(t, Options{})
	topic := NewTopic(t, b.Address(), 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address()), kgo.ConsumeTopics(topic))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("one")}).FirstErr())

	b.Kill()
	require.NoError(t, b.Restart(t.Context()))
	fetches := client.PollFetches(t.Context())
	require.NoError(t, fetches.Err())
	require.Equal(t, "one", string(fetches.Records()[0].Value))
}

func TestTheSharedBrokerAnswers(t *testing.T) {
	t.Parallel()
	brokers := Brokers(t)
	topic := NewTopic(t, brokers, 3)
	details, err := Admin(t, brokers).ListTopics(t.Context(), topic)
	require.NoError(t, err)
	require.Len(t, details[topic].Partitions, 3)
}
