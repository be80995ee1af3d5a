package kafkarelay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/plugins/kafkarelay/internal/progress"
)

// consumer is one membership in the consumer group, from joining to leaving.
type consumer struct {
	conf   inputConfig
	log    *service.Logger
	pace   *pace
	client *kgo.Client
	meter

	stop    context.CancelFunc // ends the committing goroutine
	stopped sync.WaitGroup
	commits sync.Mutex // held while offsets are committed or partitions given up

	mu       sync.Mutex
	assigned map[topicPartition]*assignment
	start    map[topicPartition]int64 // committed offsets of partitions of which nothing was read yet
	out      int                      // records that are not acknowledged
	closing  bool                     // no acknowledgement is waited for
	changed  chan struct{}            // closed and replaced when records are acknowledged
}

type topicPartition struct {
	topic     string
	partition int32
}

// assignment is a partition while it is assigned to this consumer. An
// acknowledgement of a former assignment changes nothing.
type assignment struct {
	progress *progress.Partition
	decoder  *decoder
	next     int64 // the offset after the last record read
	high     int64 // the offset after the last record there is
	ended    bool
	dirty    bool // the position has moved since it was committed
}

// newConsumer joins the group, once the topics exist.
func newConsumer(ctx context.Context, conf inputConfig, log *service.Logger, m meter) (*consumer, error) {
	c := &consumer{
		conf: conf, log: log, pace: newPace(repeatAfter), meter: m,
		assigned: map[topicPartition]*assignment{}, start: map[topicPartition]int64{}, changed: make(chan struct{}),
	}
	client, _, err := conf.open(ctx, c.options(), fieldTopics, conf.topics)
	if err != nil {
		return nil, err
	}
	c.client = client
	committing, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.stopped.Go(func() { c.commitRegularly(committing) })
	return c, nil
}

func (c *consumer) options() []kgo.Opt {
	start := kgo.NewOffset().AtStart()
	switch c.conf.startOffset {
	case startLatest:
		start = kgo.NewOffset().AtEnd()
	case startCommitted:
		start = kgo.NewOffset().AtCommitted()
	}
	isolation := kgo.ReadCommitted()
	if c.conf.isolation == readUncommitted {
		isolation = kgo.ReadUncommitted()
	}
	return append(c.conf.options(c.log),
		kgo.ConsumerGroup(c.conf.group),
		kgo.ConsumeTopics(c.conf.topics...),
		kgo.ConsumeStartOffset(start),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxBytes(c.conf.fetchMaxBytes),
		kgo.FetchMaxPartitionBytes(min(c.conf.fetchMaxBytes, 1<<20)),
		kgo.SessionTimeout(c.conf.sessionTimeout),
		kgo.RebalanceTimeout(c.conf.rebalanceTimeout),
		kgo.HeartbeatInterval(c.conf.heartbeat),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		// No partition is taken away between a poll and its bookkeeping.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnOffsetsFetched(c.checkTopicIDs),
		kgo.AdjustFetchOffsetsFn(c.noteStart),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { c.giveUp(lost) }),
	)
}

// next waits for records. An error means that this consumer is of no more use.
func (c *consumer) next(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for {
		room, err := c.awaitRoom(ctx)
		if err != nil {
			return nil, nil, err
		}
		fetches := c.client.PollRecords(ctx, room)
		if fetches.IsClientClosed() {
			return nil, nil, kgo.ErrClientClosed
		}
		batch, parts := c.take(fetches)
		c.client.AllowRebalance()
		if err := c.inspect(ctx, fetches); err != nil && len(batch) == 0 {
			return nil, nil, err
		}
		if len(batch) > 0 {
			return batch, c.acknowledger(parts, len(batch)), nil
		}
	}
}

// awaitRoom waits until another record may be on its way and returns how many
// the next batch may have.
func (c *consumer) awaitRoom(ctx context.Context) (int, error) {
	for {
		c.mu.Lock()
		room, changed := c.conf.checkpointLimit-c.out, c.changed
		c.mu.Unlock()
		if room > 0 {
			return min(room, c.conf.batchCount), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// delivered is what a batch has of one partition.
type delivered struct {
	*assignment
	part *progress.Part
}

// take makes messages of what was fetched.
func (c *consumer) take(fetches kgo.Fetches) (batch service.MessageBatch, parts []delivered) {
	batch = make(service.MessageBatch, 0, fetches.NumRecords())
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fetch := range fetches {
		for _, topic := range fetch.Topics {
			for i := range topic.Partitions {
				p := &topic.Partitions[i]
				if len(p.Records) == 0 {
					continue
				}
				a := c.assignmentOf(topic.Topic, topic.TopicID, p)
				a.decoder.watermark, _ = a.progress.Position()
				a.decoder.channel = "" // its watermark may have moved
				part := a.progress.Begin()
				for _, r := range p.Records {
					m, row := a.decoder.decode(r, a.progress)
					part.Add(r.Offset, r.LeaderEpoch, row)
					batch = append(batch, m)
				}
				a.next, a.high = p.Records[len(p.Records)-1].Offset+1, p.HighWatermark
				parts = append(parts, delivered{a, part})
			}
		}
	}
	c.out += len(batch)
	return batch, parts
}

// assignmentOf returns the partition that records were fetched of. It begins anew
// when the offsets went back, as they do when brokers have lost records. The lock
// is held.
func (c *consumer) assignmentOf(topic string, id [16]byte, p *kgo.FetchPartition) *assignment {
	at := topicPartition{topic, p.Partition}
	first := p.Records[0].Offset
	a := c.assigned[at]
	if a != nil && first < a.next {
		a.ended, a = true, nil
	}
	next := first
	if a != nil {
		next = a.next
	} else if committed, ok := c.start[at]; ok {
		delete(c.start, at)
		next = committed
	}
	if p.LogStartOffset > next {
		c.alarm(at, next, p.LogStartOffset)
	}
	if a == nil {
		a = &assignment{progress: progress.New(min(next, first)), decoder: newDecoder(topic, id, p.Partition)}
		c.assigned[at] = a
	}
	return a
}

// alarm reports offsets that were deleted before they were read.
func (c *consumer) alarm(at topicPartition, from, to int64) {
	c.lost.Incr(to - from)
	c.log.Errorf("Records are missing: offsets %d to %d of %s/%d were deleted before the consumer group %s read them. Retention was shorter than the outage: raise retention.ms of the topic, and bring these rows again from where they came",
		from, to-1, at.topic, at.partition, c.conf.group)
}

// inspect looks at the errors of a fetch. It returns one that a new connection
// must put right.
func (c *consumer) inspect(ctx context.Context, fetches kgo.Fetches) (fatal error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		var loss *kgo.ErrDataLoss
		switch {
		case ctx.Err() != nil:
			fatal = ctx.Err()
		case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
			if fatal == nil {
				c.log.Errorf("The topic %s was deleted, or deleted and created again: what was not read of it is gone. A new topic of that name is read from its start", topic)
			}
			fatal = err
		case errors.As(err, &loss):
			c.log.Errorf("The brokers have lost records of %s/%d: %v", topic, partition, err)
		default:
			if omitted, due := c.pace.due(err.Error(), time.Now()); due {
				c.log.Errorf("Reading from Kafka (topic %q, partition %d) failed and is tried again: %v (%d more since the last such line)", topic, partition, err, omitted)
			}
		}
	})
	return fatal
}

// acknowledger returns what the pipeline calls once all messages of a batch are
// dealt with. Without auto_replay_nacks it may say that they were not: then the
// position stays where it is.
func (c *consumer) acknowledger(parts []delivered, messages int) service.AckFunc {
	var once sync.Once
	return func(_ context.Context, err error) error {
		once.Do(func() { c.acknowledge(parts, messages, err) })
		return nil
	}
}

func (c *consumer) acknowledge(parts []delivered, messages int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out -= messages
	for _, d := range parts {
		if err == nil && !d.ended && d.progress.Done(d.part) {
			d.dirty = true
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	if err != nil {
		if omitted, due := c.pace.due("rejected", time.Now()); due {
			c.log.Warnf("A batch was rejected: %v. Since auto_replay_nacks is false, its records and those after them come again when the group rebalances or this program restarts (%d more since the last such line)", err, omitted)
		}
	}
}

// close commits what is done and leaves the group.
func (c *consumer) close() {
	c.stop()
	c.stopped.Wait()
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.client.CloseAllowingRebalance() // calls revoked
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.assigned {
		a.ended = true
	}
}
