package kafkarelay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// output is the Benthos output: it writes each message as a record of one topic.
type output struct {
	conf     outputConfig
	log      *service.Logger
	rejected *pace
	encoders sync.Pool // of *encoder that no record refers to any more

	mu     sync.RWMutex
	client *kgo.Client // nil when not connected
	limit  int         // bytes that a record may take
}

func newOutput(conf outputConfig, mgr *service.Resources) *output {
	return &output{
		conf: conf, log: mgr.Logger(), rejected: newPace(10 * time.Second),
		encoders: sync.Pool{New: func() any { return &encoder{} }},
	}
}

// Connect makes the client and looks whether the topic is there.
func (o *output) Connect(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		return nil
	}
	options := append(o.conf.options(o.log),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(o.conf.maxMessageBytes),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // the same as Kafka's own clients
		kgo.ProducerBatchCompression(codec(o.conf.compression)),
		kgo.ProducerLinger(0), // records come in batches: none waits for more
	)
	client, _, err := o.conf.open(ctx, options, fieldTopic, []string{o.conf.topic})
	if err != nil {
		return err
	}
	if err := o.checkLimit(ctx, client); err != nil {
		client.Close()
		return err
	}
	o.client, o.limit = client, int(o.conf.maxMessageBytes)
	return nil
}

// checkLimit compares the limit with that of the topic, where we may know it.
func (o *output) checkLimit(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	configs, err := kadm.NewClient(client).DescribeTopicConfigs(ctx, o.conf.topic)
	if err != nil {
		return nil //nolint:nilerr // It takes a permission that writers need not have; the brokers check too.
	}
	for _, entry := range configs[0].Configs {
		if entry.Key != "max.message.bytes" || entry.Value == nil {
			continue
		}
		most, err := strconv.ParseInt(*entry.Value, 10, 64)
		if err == nil && most < int64(o.conf.maxMessageBytes) {
			return fmt.Errorf("the topic %s takes records of %d bytes and %s is %d: lower it, or raise the topic's max.message.bytes", o.conf.topic, most, fieldMaxMessageBytes, o.conf.maxMessageBytes)
		}
	}
	return nil
}

func codec(compression string) kgo.CompressionCodec {
	switch compression {
	case "lz4":
		return kgo.Lz4Compression()
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

// WriteBatch returns when every record of the batch is on all replicas that are
// in sync, or has failed.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	o.mu.RLock()
	client, limit := o.client, o.limit
	o.mu.RUnlock()
	if client == nil {
		return service.ErrNotConnected
	}
	records := o.encoders.Get().(*encoder)
	records.reset(o.conf.topic, len(batch))
	if o.conf.key != nil {
		records.key = batch.InterpolationExecutor(o.conf.key).TryBytes
	}
	failed := failures{}
	var sent sync.WaitGroup
	sent.Add(len(batch))
	answer := func(r *kgo.Record, err error) {
		if err != nil {
			failed.add(r, err)
		}
		sent.Done()
	}
	for i, m := range batch {
		r, err := records.encode(i, m)
		if err == nil && recordSize(r) > limit {
			err = o.tooLarge(r, m, limit)
		}
		if err != nil {
			answer(&records.records[i], err)
			continue
		}
		client.Produce(ctx, r, answer)
	}
	sent.Wait()
	if failed.any(kerr.UnknownTopicID) || failed.any(kerr.UnknownTopicOrPartition) {
		o.disconnect(client)
		return service.ErrNotConnected
	}
	if failed.one == nil {
		o.encoders.Put(records)
	}
	return failed.of(batch, records.records)
}

// tooLarge makes a row that the topic does not take a rejected one that it does,
// so that it costs nothing but itself. Other messages fail.
func (o *output) tooLarge(r *kgo.Record, m *service.Message, limit int) error {
	size := recordSize(r)
	raw, ok := text(m, metaRaw)
	if !ok {
		return fmt.Errorf("the record takes %d bytes and %s is %d: raise it, and max.message.bytes of the topic", size, fieldMaxMessageBytes, limit)
	}
	path, _ := text(m, metaPath)
	row, _ := text(m, metaRow)
	reason := fmt.Sprintf("the row takes %d bytes as a Kafka record and max_message_bytes is %d", size, limit)
	if omitted, due := o.rejected.due("", time.Now()); due {
		o.log.Warnf("%s: row %s: %s: it is handed on as a rejected row, cut to fit (%d more since the last such line). To let such rows pass raise max_message_bytes, and max.message.bytes of the topic", path, row, reason, omitted)
	}
	reject(r, raw, reason, limit)
	return nil
}

func (o *output) disconnect(client *kgo.Client) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client == client {
		o.log.Errorf("The topic %s is not the one that was there before: it was deleted. What was written to it and not read is gone", o.conf.topic)
		o.client = nil
		client.Close()
	}
}

// Close lets go of the brokers. Every batch has been answered by now.
func (o *output) Close(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		o.client.Close()
		o.client = nil
	}
	return nil
}

// failures are the errors of single records of a batch.
type failures struct {
	mu   sync.Mutex
	errs map[*kgo.Record]error
	one  error
}

func (f *failures) add(r *kgo.Record, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.errs == nil {
		f.errs, f.one = map[*kgo.Record]error{}, err
	}
	f.errs[r] = err
}

func (f *failures) any(target error) bool { return errors.Is(f.one, target) }

// of returns the error for the batch: nil if no record failed.
func (f *failures) of(batch service.MessageBatch, records []kgo.Record) error {
	if f.one == nil {
		return nil
	}
	headline := writeError(f.one)
	if len(batch) == 1 || len(f.errs) == len(batch) {
		return headline
	}
	batchErr := service.NewBatchError(batch, headline)
	for i := range records {
		if err := f.errs[&records[i]]; err != nil {
			batchErr.Failed(i, writeError(err))
		}
	}
	return batchErr
}

// writeError explains an error of the brokers where it is known what to do.
func writeError(err error) error {
	if errors.Is(err, kerr.MessageTooLarge) {
		return fmt.Errorf("writing to Kafka: the topic takes less than %s: lower it, or raise max.message.bytes of the topic: %w", fieldMaxMessageBytes, err)
	}
	return fmt.Errorf("writing to Kafka: %w", err)
}
