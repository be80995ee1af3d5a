package tests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
	"github.com/ecommerce-ingest/connect/tests/rig"
)

var kafkaEvents = flag.Int("kafka.events", 60_000, "how many events go through Kafka in the test with the most of them")

// relay is a site whose rows go through a topic: config/scale.
type relay struct {
	*rig.Site
	brokers, topic string
	admin          *kadm.Client
	files          int
	env            []string // of the programs that are started next
}

// newRelay makes a site and a topic. The consumer group has the topic's name.
func newRelay(s *rig.Site, brokers string, partitions int32, settings ...string) *relay {
	s.T.Helper()
	return &relay{
		Site: s, brokers: brokers, admin: kafkatest.Admin(s.T, brokers),
		topic: kafkatest.NewTopic(s.T, brokers, partitions, settings...),
	}
}

// edge starts config/scale/edge.yaml. Settings are arguments of --set.
func (r *relay) edge(settings ...string) *rig.Program {
	r.T.Helper()
	return r.scale("edge", settings...)
}

// sink starts config/scale/sink.yaml, with a short session so that one that is
// gone is missed soon.
func (r *relay) sink(settings ...string) *rig.Program {
	r.T.Helper()
	return r.scale("sink", append([]string{
		"input.kafka_relay.session_timeout=6s", "input.kafka_relay.heartbeat_interval=1s", "input.kafka_relay.metadata_max_age=1s",
	}, settings...)...)
}

func (r *relay) scale(name string, settings ...string) *rig.Program {
	r.T.Helper()
	args := []string{"run"}
	for _, s := range settings {
		args = append(args, "--set", s)
	}
	args = append(args, filepath.Join(r.ConfigDir, "scale", name+".yaml"))
	return r.Launch(name, args, append([]string{"KAFKA_BROKERS=" + r.brokers, "KAFKA_TOPIC=" + r.topic, "KAFKA_GROUP=" + r.topic}, r.env...))
}

// dropFiles lets so many files appear that hold the events from one number up to
// another between them.
func (r *relay) dropFiles(n, from, to int) {
	r.T.Helper()
	for i := range n {
		r.files++
		r.DropFile(fmt.Sprintf("part-%d.csv", r.files), rig.CSVFile(from+(to-from)*i/n, from+(to-from)*(i+1)/n))
	}
}

// produced returns how many records there were in the topic so far.
func (r *relay) produced() (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), rig.Timeout)
	defer cancel()
	ends, err := r.admin.ListEndOffsets(ctx, r.topic)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	return total, nil
}

// awaitProduced waits until there were at least n records in the topic.
func (r *relay) awaitProduced(n int64) {
	r.T.Helper()
	rig.Await(r.T, fmt.Sprintf("%d records in the topic", n), func() error {
		have, err := r.produced()
		if err == nil && have < n {
			err = fmt.Errorf("there are %d", have)
		}
		return err
	})
}

// awaitDrained waits until the group has committed every offset there is: then
// nothing more can come.
func (r *relay) awaitDrained() {
	r.T.Helper()
	rig.Await(r.T, "the group to be done", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), rig.Timeout)
		defer cancel()
		ends, err := r.admin.ListEndOffsets(ctx, r.topic)
		if err != nil {
			return err
		}
		done, err := r.admin.FetchOffsets(ctx, r.topic)
		if err != nil {
			return err
		}
		left := int64(0)
		ends.Each(func(o kadm.ListedOffset) {
			at, _ := done.Lookup(o.Topic, o.Partition)
			left += o.Offset - max(at.At, 0)
		})
		if left != 0 {
			return fmt.Errorf("%d records are left", left)
		}
		return nil
	})
}

// requireOnce checks that exactly the events from 0 up to n are stored, once
// each: no index of the table would keep a second one out.
func (r *relay) requireOnce(n int) {
	r.T.Helper()
	r.awaitDrained()
	r.DB.Require("0", "SELECT count(*) FROM pg_index WHERE indisunique AND indrelid = 'events_by_day'::regclass")
	r.DB.Require(fmt.Sprint(n), "SELECT count(DISTINCT event_id) FROM events_by_day")
	r.DB.Require(fmt.Sprint(n), "SELECT count(*) FROM events_by_day")
	r.DB.Require("0", "SELECT count(*) FROM rejected_events")
}

// awaitEvents waits until at least n rows are stored.
func (r *relay) awaitEvents(n int) {
	r.T.Helper()
	r.DB.Await("true", "SELECT count(*) >= $1::bigint FROM events_by_day", n)
}

// foreign stores JSON of a topic that is not ours, by the place of each record.
const foreign = `
http: { enabled: false }
input:
  kafka_relay:
    seed_brokers: [ "${KAFKA_BROKERS}" ]
    topics: [ "${KAFKA_TOPIC}" ]
    consumer_group: ${KAFKA_GROUP}
    session_timeout: 6s
    heartbeat_interval: 1s
    metadata_max_age: 1s
output:
  postgres_copy:
    dsn: ${POSTGRES_DSN}
    table: orders
    rejects: { table: rejected_events }
    exactly_once:
      channel: ${! @kafka_topic_id }/${! @kafka_partition }/${! @kafka_leader_epoch }
      offset_token: ${! @kafka_offset }
logger: { level: WARN }
`

// consumer starts the pipeline for a foreign topic. Further is YAML that is added.
func (r *relay) consumer(further string) *rig.Program {
	r.T.Helper()
	path := filepath.Join(r.ConfigDir, "foreign.yaml")
	require.NoError(r.T, os.WriteFile(path, []byte(foreign+further), 0o600))
	return r.Launch("consumer", []string{"run", path}, []string{"KAFKA_BROKERS=" + r.brokers, "KAFKA_TOPIC=" + r.topic, "KAFKA_GROUP=" + r.topic})
}

// produce writes a bad record, and JSON with the numbers from one up to another, as
// other programs do.
func (r *relay) produce(from, to int, options ...kgo.Opt) {
	r.T.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(r.brokers), kgo.DefaultProduceTopic(r.topic))...)
	require.NoError(r.T, err)
	defer client.Close()
	records := []*kgo.Record{kgo.StringRecord(`{"id":"none"}`)} // which costs itself
	for n := from; n < to; n++ {
		records = append(records, kgo.StringRecord(fmt.Sprintf(`{"id":%d}`, n)))
	}
	require.NoError(r.T, client.ProduceSync(r.T.Context(), records...).FirstErr())
}

// recreate deletes the topic and creates it again.
func (r *relay) recreate(partitions int32) {
	r.T.Helper()
	_, err := r.admin.DeleteTopic(r.T.Context(), r.topic)
	require.NoError(r.T, err)
	rig.Await(r.T, "the topic to be gone", func() error {
		details, err := r.admin.ListTopics(r.T.Context(), r.topic)
		if err == nil && details[r.topic].Err == nil {
			err = errors.New("it is still there")
		}
		return err
	})
	kafkatest.CreateTopic(r.T, r.admin, r.topic, partitions)
}

// newBroker starts a broker that a test may stop.
func newBroker(t *testing.T) *kafkatest.Broker {
	t.Helper()
	return kafkatest.New(t, kafkatest.Options{})
}
