package kafkarelay

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
)

// timeout limits how long a test waits before it fails.
const timeout = time.Minute

// logged takes log lines while tests read them.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func resources(t *testing.T) (*service.Resources, *logged) {
	t.Helper()
	log := &logged{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", log)
		}
	})
	builder := service.NewResourceBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(log, nil)))
	mgr, _, err := builder.Build()
	require.NoError(t, err)
	return mgr, log
}

// reader is an input of the test's own, without the engine around it.
type reader struct {
	*input
	t   *testing.T
	log *logged
}

// newReader connects an input. Fields are lines of YAML beside the brokers.
func newReader(t *testing.T, brokers string, fields ...string) *reader {
	t.Helper()
	r := newIdleReader(t, brokers, fields...)
	require.NoError(t, r.Connect(t.Context()))
	return r
}

func newIdleReader(t *testing.T, brokers string, fields ...string) *reader {
	t.Helper()
	yaml := fmt.Sprintf("seed_brokers: [ %q ]\ncommit_period: 50ms\nmetadata_max_age: 300ms\nheartbeat_interval: 500ms\n%s\n", brokers, strings.Join(fields, "\n"))
	parsed, err := inputSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	conf, err := inputConfigFromParsed(parsed)
	require.NoError(t, err)
	mgr, log := resources(t)
	r := &reader{newInput(conf, mgr), t, log}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

// read reads batches until there are n messages. It connects again when it must,
// as the engine does.
func (r *reader) read(n int) (service.MessageBatch, []service.AckFunc) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), timeout)
	defer cancel()
	var all service.MessageBatch
	var acks []service.AckFunc
	for len(all) < n {
		batch, ack, err := r.ReadBatch(ctx)
		if err == service.ErrNotConnected {
			if err := r.Connect(ctx); err != nil {
				time.Sleep(10 * time.Millisecond) // the engine waits longer
			}
			continue
		}
		require.NoError(r.t, err, "%d of %d messages came", len(all), n)
		all, acks = append(all, batch...), append(acks, ack)
	}
	require.Len(r.t, all, n)
	return all, acks
}

func ackAll(t *testing.T, acks []service.AckFunc) {
	t.Helper()
	for _, ack := range acks {
		require.NoError(t, ack(t.Context(), nil))
	}
}

// newWriter connects an output.
func newWriter(t *testing.T, brokers string, fields ...string) (*output, *logged) {
	t.Helper()
	yaml := fmt.Sprintf("seed_brokers: [ %q ]\nmetadata_max_age: 300ms\n%s\n", brokers, strings.Join(fields, "\n"))
	parsed, err := outputSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	conf, err := outputConfigFromParsed(parsed)
	require.NoError(t, err)
	mgr, log := resources(t)
	o := newOutput(conf, mgr)
	require.NoError(t, o.Connect(t.Context()))
	t.Cleanup(func() { _ = o.Close(context.Background()) })
	return o, log
}

// row is a message as csv_watch makes it.
func row(channel string, number int64, cells map[string]any, raw string) *service.Message {
	m := service.NewMessage(nil)
	m.SetStructuredMut(cells)
	m.MetaSetMut("path", "in/"+channel+".csv")
	m.MetaSetMut("mod_time", "2026-11-25T01:02:03Z")
	m.MetaSetMut("mod_time_unix", int64(1795568523))
	m.MetaSetImmut("header", service.ImmutableAny{V: []any{"id", "name"}})
	m.MetaSetMut("csv_channel", channel)
	m.MetaSetMut("csv_row", number)
	m.MetaSetMut("csv_raw", raw)
	m.MetaSetMut("csv_low_watermark", int64(1))
	return m
}

// rows are the rows of a channel from one number up to another.
func rows(channel string, from, to int64) service.MessageBatch {
	var batch service.MessageBatch
	for n := from; n < to; n++ {
		id := fmt.Sprint(n)
		batch = append(batch, row(channel, n, map[string]any{"id": id, "name": "n" + id}, id+",n"+id))
	}
	return batch
}

// meta returns metadata of a message.
func meta(t *testing.T, m *service.Message, name string) any {
	t.Helper()
	value, ok := m.MetaGetMut(name)
	require.True(t, ok, "no %s", name)
	return value
}

func offsetsOf(t *testing.T, batch service.MessageBatch) []int {
	t.Helper()
	var all []int
	for _, m := range batch {
		all = append(all, meta(t, m, "kafka_offset").(int))
	}
	return all
}

// produce writes records to partitions as another program would.
func produce(t *testing.T, brokers string, options []kgo.Opt, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.ProduceSync(t.Context(), records...).FirstErr())
}

func numbered(topic string, partition int32, from, to int) []*kgo.Record {
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, `{"id":%d}`, n)})
	}
	return records
}

// committed returns the committed offset of a partition, -1 if there is none.
func committed(t *testing.T, brokers, group, topic string, partition int32) int64 {
	t.Helper()
	offsets, err := kafkatest.Admin(t, brokers).FetchOffsets(t.Context(), group)
	require.NoError(t, err)
	at, ok := offsets.Lookup(topic, partition)
	if !ok {
		return -1
	}
	return at.At
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for !done() {
		if time.Now().After(deadline) {
			require.FailNow(t, "timed out waiting for "+what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
