package kafkarelay

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitLimit bounds one commit. What is not committed is read again.
const commitLimit = 10 * time.Second

// revokeWait is how long partitions that go to another consumer wait for the
// acknowledgements of what was read of them, so that it need not be read again.
const revokeWait = 3 * time.Second

type offsets = map[string]map[int32]kgo.EpochOffset

func (c *consumer) commitRegularly(ctx context.Context) {
	ticker := time.NewTicker(c.conf.commitPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.commits.Lock()
			c.commit(ctx, nil)
			c.commits.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// commit commits the positions that have moved: of the partitions in only, or of
// all when it is nil. The caller holds commits.
func (c *consumer) commit(ctx context.Context, only map[topicPartition]bool) {
	positions, ids := c.moved(only)
	if len(positions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commitLimit)
	defer cancel()
	// The ID of the topic goes with its offsets, so that a topic of the same name
	// that is made later cannot be taken for it.
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			id := ids[req.Topics[i].Topic]
			for j := range req.Topics[i].Partitions {
				req.Topics[i].Partitions[j].Metadata = &id
			}
		}
		return nil
	})
	c.client.CommitOffsetsSync(ctx, positions, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err == nil && resp != nil {
			err = firstError(resp)
		}
		if err == nil {
			return
		}
		c.touch(positions)
		if omitted, due := c.pace.due("commit", time.Now()); due && ctx.Err() == nil {
			c.log.Warnf("Committing offsets failed: %v. What they stand for is done; after a restart it is read again (%d more since the last such line)", err, omitted)
		}
	})
}

func firstError(resp *kmsg.OffsetCommitResponse) error {
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("%s/%d: %w", topic.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// moved returns the positions to commit, and the IDs of their topics.
func (c *consumer) moved(only map[topicPartition]bool) (offsets, map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	positions, ids := offsets{}, map[string]string{}
	lag := int64(0)
	for at, a := range c.assigned {
		offset, epoch := a.progress.Position()
		lag += max(0, a.high-offset)
		if !a.dirty || (only != nil && !only[at]) {
			continue
		}
		a.dirty = false
		if positions[at.topic] == nil {
			positions[at.topic] = map[int32]kgo.EpochOffset{}
		}
		positions[at.topic][at.partition] = kgo.EpochOffset{Epoch: epoch, Offset: offset}
		ids[at.topic], _ = a.decoder.topicID.(string)
	}
	c.lag.Set(lag)
	return positions, ids
}

// touch has positions committed again.
func (c *consumer) touch(positions offsets) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for topic, partitions := range positions {
		for partition := range partitions {
			if a := c.assigned[topicPartition{topic, partition}]; a != nil {
				a.dirty = true
			}
		}
	}
}

// revoked commits the positions of partitions that are moving to another consumer,
// and then releases the partitions.
func (c *consumer) revoked(ctx context.Context, _ *kgo.Client, partitions map[string][]int32) {
	leaving := map[topicPartition]bool{}
	for topic, numbers := range partitions {
		for _, partition := range numbers {
			leaving[topicPartition{topic, partition}] = true
		}
	}
	if len(leaving) == 0 {
		return
	}
	c.awaitAcknowledged(ctx, leaving)
	c.commits.Lock()
	defer c.commits.Unlock()
	c.commit(ctx, leaving)
	c.giveUp(partitions)
}

func (c *consumer) awaitAcknowledged(ctx context.Context, leaving map[topicPartition]bool) {
	ctx, cancel := context.WithTimeout(ctx, revokeWait)
	defer cancel()
	for {
		c.mu.Lock()
		out, changed, closing := 0, c.changed, c.closing
		for at := range leaving {
			if a := c.assigned[at]; a != nil {
				out += a.progress.Out()
			}
		}
		c.mu.Unlock()
		if out == 0 || closing {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// giveUp forgets partitions. Acknowledgements that are still to come for them
// change nothing any more.
func (c *consumer) giveUp(partitions map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for topic, numbers := range partitions {
		for _, partition := range numbers {
			at := topicPartition{topic, partition}
			if a := c.assigned[at]; a != nil {
				a.ended = true
				delete(c.assigned, at)
			}
			delete(c.start, at)
		}
	}
}

// checkOffsets looks, when offsets were fetched for new partitions, whether there
// are still records at them, and whether they are those of the topics that there
// are now. Brokers before 4.2 may keep an offset of a topic that was deleted for a
// new one of that name.
func (c *consumer) checkOffsets(ctx context.Context, client *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, c.conf.topics...)
	if err != nil {
		return fmt.Errorf("looking up topics: %w", err)
	}
	first, err := admin.ListStartOffsets(ctx, c.conf.topics...)
	if err != nil {
		return fmt.Errorf("looking up the first offsets: %w", err)
	}
	for _, group := range resp.Groups {
		for _, topic := range group.Topics {
			name := nameOf(topic, details)
			for _, p := range topic.Partitions {
				at := topicPartition{name, p.Partition}
				switch begins, _ := first.Lookup(name, p.Partition); {
				case p.Offset < 0:
				case isFormer(p.Metadata, details[name].ID):
					c.log.Errorf("The topic %s was deleted and created again: partition %d is read from its start, and not from offset %d, which the group %s committed for the former topic", name, p.Partition, p.Offset, c.conf.group)
					c.begin(at, restart)
				case begins.Err == nil && p.Offset < begins.Offset:
					c.alarm(at, p.Offset, begins.Offset)
					c.begin(at, begins.Offset)
				}
			}
		}
	}
	return nil
}

// nameOf returns the name of a topic, which newer brokers leave out.
func nameOf(topic kmsg.OffsetFetchResponseGroupTopic, details kadm.TopicDetails) string {
	if topic.Topic != "" {
		return topic.Topic
	}
	for name, d := range details {
		if d.ID == kadm.TopicID(topic.TopicID) {
			return name
		}
	}
	return ""
}

// isFormer reports whether an offset was committed with the ID of another topic.
// Metadata of other programs are no ID.
func isFormer(metadata *string, id kadm.TopicID) bool {
	now := topicIDText(id)
	return metadata != nil && len(*metadata) == len(now) && *metadata != now
}

// restart stands for the start of a partition whose committed offset is of no use.
const restart = -1

func (c *consumer) begin(at topicPartition, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start[at] = offset
}

// noteStart notes where new partitions begin, so that a gap behind their committed
// offsets is noticed, and corrects offsets that are not of this topic.
func (c *consumer) noteStart(_ context.Context, fetched map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for topic, partitions := range fetched {
		for partition, offset := range partitions {
			at := topicPartition{topic, partition}
			if c.start[at] == restart {
				delete(c.start, at)
				partitions[partition] = kgo.NewOffset().AtStart()
				continue
			}
			if committed := offset.EpochOffset().Offset; committed >= 0 {
				c.start[at] = max(c.start[at], committed)
			}
		}
	}
	return fetched, nil
}
