package kafkarelay

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
)

// group returns the field for a consumer group of the topic's own.
func group(topic string) string { return "topics: [ " + topic + " ]\nconsumer_group: " + topic }

func TestARowComesThroughAsItWas(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 3)
	bad := row("one", 4, nil, "only-one-cell")
	bad.SetBytes([]byte("only-one-cell"))
	bad.SetError(errors.New("it has 1 cell and not 2"))
	bad.MetaSetMut("csv_error", "it has 1 cell and not 2")
	changed := row("one", 5, map[string]any{"id": 5, "name": "a"}, "5,a")

	out, _ := newWriter(t, brokers, "topic: "+topic)
	require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{
		row("one", 1, map[string]any{"id": "1", "name": "Lamp, \"big\""}, `1,"Lamp, ""big"""`),
		row("one", 2, map[string]any{"id": "", "name": nil}, `"",`),
		row("one", 3, map[string]any{"id": "3", "name": "x"}, ` 3 ;"x"`),
		bad,
		changed,
	}))

	in := newReader(t, brokers, group(topic))
	batch, _ := in.read(5)
	for i, want := range []struct {
		content any
		raw     string
	}{
		{map[string]any{"id": "1", "name": "Lamp, \"big\""}, `1,"Lamp, ""big"""`},
		{map[string]any{"id": "", "name": nil}, `"",`},
		{map[string]any{"id": "3", "name": "x"}, ` 3 ;"x"`},
	} {
		content, err := batch[i].AsStructured()
		require.NoError(t, err)
		require.Equal(t, want.content, content)
		require.Equal(t, want.raw, meta(t, batch[i], "csv_raw"))
		require.Equal(t, []any{"id", "name"}, meta(t, batch[i], "header"))
		require.NoError(t, batch[i].GetError())
	}
	for i, m := range batch {
		require.Equal(t, "one", meta(t, m, "csv_channel"))
		require.Equal(t, int64(i+1), meta(t, m, "csv_row"))
		require.Equal(t, "in/one.csv", meta(t, m, "path"))
		require.Equal(t, "2026-11-25T01:02:03Z", meta(t, m, "mod_time"))
		require.Equal(t, int64(1795568523), meta(t, m, "mod_time_unix"))
		_, there := m.MetaGetMut("csv_low_watermark")
		require.False(t, there, "that of the edge must not be taken for that of the sink")
	}
	require.EqualError(t, batch[3].GetError(), "it has 1 cell and not 2")
	require.Equal(t, "it has 1 cell and not 2", meta(t, batch[3], "csv_error"))
	raw, err := batch[3].AsBytes()
	require.NoError(t, err)
	require.Equal(t, "only-one-cell", string(raw))
	json, err := batch[4].AsBytes()
	require.NoError(t, err)
	require.JSONEq(t, `{"id":5,"name":"a"}`, string(json))
}

func TestRecordsOfOthersComeAsTheyAre(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 2)
	produce(t, brokers, nil,
		&kgo.Record{Topic: topic, Partition: 1, Key: []byte("k"), Value: []byte(`{"id":1}`), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("t1")}}},
		&kgo.Record{Topic: topic, Partition: 1, Key: []byte("k")})
	details, err := kafkatest.Admin(t, brokers).ListTopics(t.Context(), topic)
	require.NoError(t, err)

	in := newReader(t, brokers, group(topic))
	batch, _ := in.read(2)
	value, err := batch[0].AsBytes()
	require.NoError(t, err)
	require.JSONEq(t, `{"id":1}`, string(value))
	require.Equal(t, "t1", meta(t, batch[0], "trace"))
	require.Equal(t, topicIDText(details[topic].ID), meta(t, batch[0], "kafka_topic_id"))
	require.Equal(t, 1, meta(t, batch[0], "kafka_partition"))
	require.Equal(t, topic, meta(t, batch[0], "kafka_topic"))
	require.Equal(t, "k", meta(t, batch[0], "kafka_key"))
	require.Equal(t, 0, meta(t, batch[0], "kafka_leader_epoch"))
	require.Equal(t, false, meta(t, batch[0], "kafka_tombstone_message"))
	require.Equal(t, true, meta(t, batch[1], "kafka_tombstone_message"))
}

func TestThePositionIsCommittedOverAContiguousRun(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	produce(t, brokers, nil, numbered(topic, 0, 0, 30)...)
	in := newReader(t, brokers, group(topic), "batch_count: 10")
	batch, acks := in.read(30)
	require.Len(t, acks, 3)
	require.EqualValues(t, 0, meta(t, batch[20], "kafka_low_watermark"))

	require.NoError(t, acks[2](t.Context(), nil))
	require.NoError(t, acks[0](t.Context(), nil))
	await(t, "the first ten", func() bool { return committed(t, brokers, topic, topic, 0) == 10 })
	produce(t, brokers, nil, numbered(topic, 0, 30, 31)...)
	batch, last := in.read(1)
	require.EqualValues(t, 10, meta(t, batch[0], "kafka_low_watermark"))

	require.NoError(t, acks[1](t.Context(), nil))
	ackAll(t, last)
	await(t, "all", func() bool { return committed(t, brokers, topic, topic, 0) == 31 })
}

func TestACloseCommitsWhatIsDone(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	produce(t, brokers, nil, numbered(topic, 0, 0, 10)...)
	in := newReader(t, brokers, group(topic), "commit_period: 1h")
	_, acks := in.read(10)
	ackAll(t, acks)
	require.NoError(t, in.Close(t.Context()))
	require.EqualValues(t, 10, committed(t, brokers, topic, topic, 0))
}

func TestWhatIsUnacknowledgedIsBounded(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	produce(t, brokers, nil, numbered(topic, 0, 0, 50)...)
	in := newReader(t, brokers, group(topic), "batch_count: 7\ncheckpoint_limit: 20")
	batch, acks := in.read(20)
	require.Equal(t, 20, len(batch))
	require.Zero(t, in.consumer.conf.checkpointLimit-in.consumer.out)
	more := make(chan service.MessageBatch, 1)
	go func() {
		batch, _, err := in.ReadBatch(t.Context())
		if err == nil {
			more <- batch
		}
	}()
	require.NoError(t, acks[0](t.Context(), nil))
	require.Len(t, <-more, 7, "as many as were acknowledged")
}

func TestALowWatermarkFollowsWhatIsStored(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	out, _ := newWriter(t, brokers, "topic: "+topic)
	in := newReader(t, brokers, group(topic))

	require.NoError(t, out.WriteBatch(t.Context(), rows("a", 1, 11)))
	_, first := in.read(10)
	require.NoError(t, out.WriteBatch(t.Context(), rows("a", 11, 21)))
	batch, second := in.read(10)
	_, known := batch[0].MetaGetMut("csv_low_watermark")
	require.False(t, known, "no row is stored yet")

	ackAll(t, second)
	ackAll(t, first)
	// As after a crash of the edge: rows come again, and then new ones.
	require.NoError(t, out.WriteBatch(t.Context(), rows("a", 15, 25)))
	batch, _ = in.read(10)
	require.EqualValues(t, 21, meta(t, batch[0], "csv_low_watermark"))
}

func TestARecordThatIsTooLargeIsRejectedAlone(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	out, log := newWriter(t, brokers, "topic: "+topic, "max_message_bytes: 100KB")
	long := strings.Repeat("é", 60_000)
	require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{
		row("a", 1, map[string]any{"id": "1", "name": "x"}, "1,x"),
		row("a", 2, map[string]any{"id": "2", "name": long}, "2,"+long),
		row("a", 3, map[string]any{"id": "3", "name": "y"}, "3,y"),
	}))
	in := newReader(t, brokers, group(topic))
	batch, _ := in.read(3)
	require.NoError(t, batch[0].GetError())
	require.NoError(t, batch[2].GetError())
	require.ErrorContains(t, batch[1].GetError(), "bytes as a Kafka record and max_message_bytes is 100000")
	require.EqualValues(t, 2, meta(t, batch[1], "csv_row"))
	raw := meta(t, batch[1], "csv_raw").(string)
	require.True(t, strings.HasPrefix("2,"+long, raw))
	require.Greater(t, len(raw), 90_000)
	require.Contains(t, log.String(), "in/a.csv: row 2: the row takes")

	err := out.WriteBatch(t.Context(), service.MessageBatch{service.NewMessage([]byte(long))})
	require.ErrorContains(t, err, "raise it, and max.message.bytes of the topic")
}

func TestConnectReportsWhatIsWrongWithTheTopic(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	small := kafkatest.NewTopic(t, brokers, 1, "max.message.bytes", "50000")
	for name, c := range map[string]struct{ fields, want string }{
		"missing": {"topic: nowhere", `there is no topic nowhere: create it (kafka-topics.sh --create --topic nowhere --partitions 12), or correct "topic"`},
		"smaller": {"topic: " + small, fmt.Sprintf("the topic %s takes records of 50000 bytes and max_message_bytes is 1000000: lower it, or raise the topic's max.message.bytes", small)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed, err := outputSpec().ParseYAML(fmt.Sprintf("seed_brokers: [ %q ]\n%s\n", brokers, c.fields), nil)
			require.NoError(t, err)
			conf, err := outputConfigFromParsed(parsed)
			require.NoError(t, err)
			mgr, _ := resources(t)
			require.EqualError(t, newOutput(conf, mgr).Connect(t.Context()), c.want)
		})
	}
}

func TestRefusedRecordsComeAgainAndNoOthers(t *testing.T) {
	t.Parallel()
	brokers := kafkatest.Brokers(t)
	topic := kafkatest.NewTopic(t, brokers, 1)
	out, _ := newWriter(t, brokers, "topic: "+topic)
	require.NoError(t, out.WriteBatch(t.Context(), rows("a", 1, 6)))
	produce(t, brokers, nil, numbered(topic, 0, 5, 10)...)
	in := newReader(t, brokers, group(topic), "checkpoint_limit: 10\nbatch_count: 10")
	var answers []func()
	for seen := 0; seen < 10; {
		batch, ack, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		seen += len(batch)
		answers = append(answers, func() {
			failed := service.NewBatchError(batch, errors.New("some"))
			var answer error
			for i, m := range batch {
				// One row, and all records of others.
				if number, isRow := m.MetaGetMut("csv_row"); !isRow || number == int64(3) {
					failed.Failed(i, errors.New("no"))
					answer = failed
				}
			}
			require.NoError(t, ack(t.Context(), answer))
		})
	}
	for _, answer := range answers {
		answer()
	}
	batch, acks := in.read(6) // within the limit, which they never left
	found := map[any]bool{}
	for _, m := range batch {
		number, isRow := m.MetaGetMut("csv_row")
		if !isRow {
			number = meta(t, m, "kafka_offset")
		}
		found[number] = true
	}
	require.Equal(t, map[any]bool{int64(3): true, 5: true, 6: true, 7: true, 8: true, 9: true}, found)
	require.LessOrEqual(t, committed(t, brokers, topic, topic, 0), int64(2))
	ackAll(t, acks)
	await(t, "the commit", func() bool { return committed(t, brokers, topic, topic, 0) == 10 })
}
