package kafkarelay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/replay"
	"github.com/ecommerce-ingest/connect/plugins/kafkarelay/internal/progress"
)

// consumer is one membership in the consumer group, from joining to leaving.
type consumer struct {
	conf   inputConfig
	log    *service.Logger
	pace   *pace
	client *kgo.Client
	again  *replay.Queue[*delivery] // records that the output refused
	meter

	stop    context.CancelFunc // ends the committing goroutine
	stopped sync.WaitGroup
	commits sync.Mutex // held while offsets are committed or partitions given up

	mu       sync.Mutex
	assigned map[topicPartition]*assignment
	start    map[topicPartition]int64 // where partitions begin of which nothing was read yet
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
		again: replay.NewQueue[*delivery](),
		conf:  conf, log: log, pace: newPace(repeatAfter), meter: m,
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
		kgo.OnOffsetsFetched(c.checkOffsets),
		kgo.AdjustFetchOffsetsFn(c.noteStart),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { c.giveUp(lost) }),
	)
}

// next waits for records. An error means that this consumer is of no more use.
func (c *consumer) next(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for {
		if d, ok := c.again.Take(); ok {
			if batch, ack := c.repeat(d); len(batch) > 0 {
				return batch, ack, nil
			}
			continue
		}
		room, err := c.awaitRoom(ctx)
		if err != nil {
			return nil, nil, err
		}
		if room == 0 {
			continue // there is something to take
		}
		fetches, interrupted := c.poll(ctx, room)
		if fetches.IsClientClosed() {
			return nil, nil, kgo.ErrClientClosed
		}
		batch, ack := c.take(fetches)
		c.client.AllowRebalance()
		if interrupted && len(batch) == 0 {
			continue
		}
		if err := c.inspect(ctx, fetches); err != nil && len(batch) == 0 {
			return nil, nil, err
		}
		if len(batch) > 0 {
			return batch, ack, nil
		}
	}
}

// poll waits for records, or until refused ones are due.
func (c *consumer) poll(ctx context.Context, most int) (fetches kgo.Fetches, interrupted bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	due := make(chan struct{})
	go func() {
		select {
		case <-c.again.Due():
			close(due)
			cancel()
		case <-ctx.Done():
		}
	}()
	fetches = c.client.PollRecords(ctx, most)
	select {
	case <-due:
		return fetches, true
	default:
		return fetches, false
	}
}

// awaitRoom waits until another record may be on its way and returns how many
// the next batch may have; none when refused records are due.
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
		case <-c.again.Due():
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// take makes messages of what was fetched.
func (c *consumer) take(fetches kgo.Fetches) (service.MessageBatch, service.AckFunc) {
	d := &delivery{}
	batch := make(service.MessageBatch, 0, fetches.NumRecords())
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
				part := a.progress.Begin()
				batch = a.decode(batch, p.Records, func(r *kgo.Record, row progress.Row) { part.Add(r.Offset, r.LeaderEpoch, row) })
				a.next, a.high = p.Records[len(p.Records)-1].Offset+1, p.HighWatermark
				d.parts = append(d.parts, delivered{a, part, p.Records})
			}
		}
	}
	c.out += len(batch)
	return batch, c.acknowledger(d)
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
		case errors.Is(err, context.Canceled): // interrupted for refused records
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
