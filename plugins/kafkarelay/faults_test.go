package kafkarelay

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
)

func TestALateAcknowledgementCommitsNothing(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 2)
	produce(t, brokers, nil, append(numbered(topic, 0, 0, 10), numbered(topic, 1, 0, 10)...)...)
	first := newReader(t, brokers, group(topic), "batch_count: 10")
	batch, acks := first.read(20)
	require.Len(t, acks, 2)

	// The second one takes a partition over, with nothing of it acknowledged. The
	// first must poll, as the engine has it do, for the rebalance to go on.
	polling, stop := context.WithCancel(t.Context())
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		for polling.Err() == nil {
			_, _, _ = first.ReadBatch(polling)
		}
	}()
	second := newReader(t, brokers, group(topic))
	taken, _ := second.read(10)
	stop()
	<-polled
	moved := meta(t, taken[0], "kafka_partition").(int)

	// The late acknowledgement, and one that is not, which shows when a commit
	// has been made.
	for i, ack := range acks {
		if meta(t, batch[10*i], "kafka_partition") == moved {
			require.NoError(t, ack(t.Context(), nil))
			defer func() { require.EqualValues(t, -1, committed(t, brokers, topic, topic, int32(moved))) }()
		}
	}
	for i, ack := range acks {
		if meta(t, batch[10*i], "kafka_partition") != moved {
			require.NoError(t, ack(t.Context(), nil))
		}
	}
	await(t, "a commit", func() bool { return committed(t, brokers, topic, topic, int32(1-moved)) == 10 })
}

func TestAPartitionIsHandedOverOnceItIsAcknowledged(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 2)
	produce(t, brokers, nil, append(numbered(topic, 0, 0, 10), numbered(topic, 1, 0, 10)...)...)
	first := newReader(t, brokers, group(topic), "commit_period: 1h")
	_, acks := first.read(20)
	ackAll(t, acks)
	polling, stop := context.WithCancel(t.Context())
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		for polling.Err() == nil {
			_, _, _ = first.ReadBatch(polling)
		}
	}()
	second := newIdleReader(t, brokers, group(topic))
	require.NoError(t, second.Connect(t.Context()))
	await(t, "one partition to be handed over", func() bool {
		return committed(t, brokers, topic, topic, 0) == 10 || committed(t, brokers, topic, topic, 1) == 10
	})
	stop()
	<-polled
}

// recreate deletes a topic and creates it again.
func recreate(t *testing.T, brokers, topic string) {
	t.Helper()
	admin := kafkatest.Admin(t, brokers)
	_, err := admin.DeleteTopic(t.Context(), topic)
	require.NoError(t, err)
	await(t, "the topic to be gone", func() bool {
		details, err := admin.ListTopics(t.Context(), topic)
		return err == nil && details[topic].Err != nil
	})
	kafkatest.CreateTopic(t, admin, topic, 1)
}

func TestARecreatedTopicIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	for name, running := range map[string]bool{"while it runs": true, "while it is stopped": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brokers := kafkatest.Brokers(t)
			topic := kafkatest.NewTopic(t, brokers, 1)
			produce(t, brokers, nil, numbered(topic, 0, 0, 10)...)
			in := newReader(t, brokers, group(topic))
			batch, acks := in.read(10)
			former := meta(t, batch[0], "kafka_topic_id")
			ackAll(t, acks)
			await(t, "the commit", func() bool { return committed(t, brokers, topic, topic, 0) == 10 })
			if !running {
				require.NoError(t, in.Close(t.Context()))
			}

			recreate(t, brokers, topic)
			produce(t, brokers, nil, numbered(topic, 0, 100, 120)...)
			batch, _ = in.read(20)
			require.Equal(t, 0, meta(t, batch[0], "kafka_offset"))
			require.NotEqual(t, former, meta(t, batch[0], "kafka_topic_id"))
			require.EqualValues(t, 0, meta(t, batch[0], "kafka_low_watermark"))
			if running {
				require.Contains(t, in.log.String(), "The topic "+topic+" was deleted, or deleted and created again")
			}
		})
	}
}

func TestAnOffsetOfAFormerTopicIsNotUsed(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	produce(t, brokers, nil, numbered(topic, 0, 0, 10)...)
	in := newReader(t, brokers, group(topic))
	_, acks := in.read(10)
	ackAll(t, acks)
	require.NoError(t, in.Close(t.Context()))
	offsets, err := kafkatest.Admin(t, brokers).FetchOffsets(t.Context(), topic)
	require.NoError(t, err)
	of, ok := offsets.Lookup(topic, 0)
	require.True(t, ok)
	require.EqualValues(t, 10, of.At)

	// What a commit that was under way does on brokers that know topics by name.
	recreate(t, brokers, topic)
	produce(t, brokers, nil, numbered(topic, 0, 100, 120)...)
	var stale kadm.Offsets
	stale.Add(of.Offset)
	require.NoError(t, kafkatest.Admin(t, brokers).CommitAllOffsets(t.Context(), topic, stale))
	require.NoError(t, in.Connect(t.Context()))
	batch, _ := in.read(20)
	require.Equal(t, 0, meta(t, batch[0], "kafka_offset"))
	require.Contains(t, in.log.String(), "partition 0 is read from its start, and not from offset 10, which the group "+topic+" committed for the former topic")
}

func TestRecordsDeletedBeforeTheyWereReadAreAnAlarm(t *testing.T) {
	t.Parallel()
	for name, running := range map[string]bool{"while it is behind": true, "while it is stopped": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brokers := kafkatest.Brokers(t)
			topic := kafkatest.NewTopic(t, brokers, 1)
			produce(t, brokers, nil, numbered(topic, 0, 0, 10)...)
			in := newReader(t, brokers, group(topic), "checkpoint_limit: 10\nbatch_count: 10")
			_, acks := in.read(10)
			if !running {
				ackAll(t, acks)
				require.NoError(t, in.Close(t.Context()))
			}

			// In pieces, so that those behind the limit are not fetched already.
			for n := range 4 {
				record := &kgo.Record{Topic: topic, Value: []byte(strings.Repeat(fmt.Sprint(n), 900_000))}
				produce(t, brokers, []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}, record)
			}
			var gone kadm.Offsets
			gone.AddOffset(topic, 0, 13, -1)
			_, err := kafkatest.Admin(t, brokers).DeleteRecords(t.Context(), gone)
			require.NoError(t, err)
			produce(t, brokers, nil, numbered(topic, 0, 14, 20)...)
			if running {
				ackAll(t, acks)
				in.checkMissing(topic)
				return
			}
			require.NoError(t, in.Connect(t.Context()))
			batch, _ := in.read(7)
			require.Equal(t, 13, meta(t, batch[0], "kafka_offset"))
			require.Contains(t, in.log.String(), "Records are missing: offsets 10 to 12 of "+topic+"/0 were deleted before the consumer group "+topic+" read them")
		})
	}
}

// checkMissing reads to offset 19 and checks that what was not read was said to
// be missing. Which offsets the client had fetched before they were deleted is
// its own affair.
func (r *reader) checkMissing(topic string) {
	r.t.Helper()
	next := 10
	for next < 20 {
		batch, ack, err := r.ReadBatch(r.t.Context())
		require.NoError(r.t, err)
		for _, m := range batch {
			offset := meta(r.t, m, "kafka_offset").(int)
			if offset > next {
				require.Contains(r.t, r.log.String(), fmt.Sprintf("Records are missing: offsets %d to %d of %s/0", next, offset-1, topic))
			}
			next = offset + 1
		}
		require.NoError(r.t, ack(r.t.Context(), nil))
	}
}

func TestTransactionsLeaveNoGap(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
	require.NoError(t, err)
	defer client.Close()
	for n := range 20 {
		require.NoError(t, client.BeginTransaction())
		require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Value: fmt.Append(nil, n)}).FirstErr())
		require.NoError(t, client.EndTransaction(t.Context(), kgo.TransactionEndTry(n%2 == 0)))
	}
	in := newReader(t, brokers, group(topic))
	batch, acks := in.read(10)
	for i, m := range batch {
		value, err := m.AsBytes()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(2*i), string(value), "only what was committed comes")
	}
	require.Equal(t, 4, offsetsOf(t, batch)[1], "a record and a marker of each transaction lie between")
	ackAll(t, acks)
	produce(t, brokers, nil, numbered(topic, 0, 0, 1)...)
	batch, _ = in.read(1)
	require.EqualValues(t, 37, meta(t, batch[0], "kafka_low_watermark"), "all up to the last record before is done")
}

func TestAddedPartitionsAreReadFromTheirStart(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	in := newReader(t, brokers, group(topic))
	produce(t, brokers, nil, numbered(topic, 0, 0, 5)...)
	_, acks := in.read(5)
	ackAll(t, acks)
	_, err := kafkatest.Admin(t, brokers).CreatePartitions(t.Context(), 2, topic)
	require.NoError(t, err)
	await(t, "the partitions", func() bool {
		details, err := kafkatest.Admin(t, brokers).ListTopics(t.Context(), topic)
		return err == nil && len(details[topic].Partitions) == 3
	})
	produce(t, brokers, nil, append(numbered(topic, 1, 0, 5), numbered(topic, 2, 0, 5)...)...)
	_, acks = in.read(10)
	ackAll(t, acks)
}

func TestABrokerThatDemandsTLSAndAPassword(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	b := kafkatest.New(t, kafkatest.Options{User: "sink", Password: secret})
	topic := kafkatest.NewTopic(t, b.Address(), 1)
	tls := "tls:\n  enabled: true\n  root_cas: |\n    " + strings.ReplaceAll(strings.TrimSpace(string(b.Certificate())), "\n", "\n    ")
	sasl := func(password string) string {
		return "sasl: [ { mechanism: SCRAM-SHA-512, username: sink, password: " + password + " } ]"
	}
	out, said := newWriter(t, b.SecuredAddress(), "topic: "+topic, tls, sasl(secret))
	require.NoError(t, out.WriteBatch(t.Context(), rows("a", 1, 11)))
	in := newReader(t, b.SecuredAddress(), group(topic), tls, sasl(secret))
	_, acks := in.read(10)
	ackAll(t, acks)
	require.NotContains(t, said.String()+in.log.String(), secret)

	for name, fields := range map[string][]string{
		"another password": {tls, sasl(secret + "r")},
		"no password":      {tls},
		"no encryption":    {sasl(secret)},
		"no trust":         {"tls: { enabled: true }", sasl(secret)},
	} {
		refused := newIdleReader(t, b.SecuredAddress(), append(fields, group(topic))...)
		err := refused.Connect(t.Context())
		require.ErrorContains(t, err, "connecting to Kafka at "+b.SecuredAddress(), name)
		require.NotContains(t, err.Error()+refused.log.String(), secret, name)
	}
}

func TestABatchWaitsForABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	b := kafkatest.New(t, kafkatest.Options{})
	topic := kafkatest.NewTopic(t, b.Address(), 1)
	out, log := newWriter(t, b.Address(), "topic: "+topic)
	in := newReader(t, b.Address(), group(topic))
	b.Kill()
	written := make(chan error, 1)
	go func() { written <- out.WriteBatch(t.Context(), rows("a", 1, 11)) }()
	require.NoError(t, b.Restart(t.Context()))
	require.NoError(t, <-written)
	batch, acks := in.read(10)
	for i, m := range batch {
		require.EqualValues(t, i+1, meta(t, m, "csv_row"))
	}
	ackAll(t, acks)
	require.Less(t, strings.Count(log.String()+in.log.String(), "\n"), 20, "the log is flooded")
}

func TestALimitLoweredWhileWritingIsReported(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	out, _ := newWriter(t, brokers, "topic: "+topic, "compression: none")
	setLimit := func(bytes string) {
		_, err := kafkatest.Admin(t, brokers).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &bytes}}, topic)
		require.NoError(t, err)
	}
	setLimit("5000")
	long := row("a", 1, map[string]any{"id": "1", "name": strings.Repeat("x", 9000)}, "")
	await(t, "the limit", func() bool {
		err := out.WriteBatch(t.Context(), service.MessageBatch{long})
		return err != nil && strings.Contains(err.Error(), "writing to Kafka: the topic takes less than max_message_bytes: lower it, or raise max.message.bytes of the topic")
	})
	setLimit("100000")
	await(t, "the batch to be taken", func() bool { return out.WriteBatch(t.Context(), service.MessageBatch{long}) == nil })
}
