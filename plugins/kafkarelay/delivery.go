package kafkarelay

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/replay"
	"github.com/ecommerce-ingest/connect/plugins/kafkarelay/internal/progress"
)

// delivery is a batch in flight. Its records are kept until they are
// acknowledged, so that messages can be made again of those that were refused.
type delivery struct {
	parts    []delivered
	refusals int
}

// delivered is what a delivery has of one partition.
type delivered struct {
	*assignment
	part    *progress.Part
	records []*kgo.Record
}

// decode appends the messages of records of the partition to batch and passes on
// which rows they are. The lock of the consumer is held.
func (a *assignment) decode(batch service.MessageBatch, records []*kgo.Record, each func(*kgo.Record, progress.Row)) service.MessageBatch {
	a.decoder.begin(a.progress, len(records))
	for i, r := range records {
		m, row := a.decoder.decode(r, i)
		each(r, row)
		batch = append(batch, m)
	}
	return batch
}

// repeat makes messages again of records that were refused. Those of partitions
// that were given up meanwhile are left to whoever has them now.
func (c *consumer) repeat(d *delivery) (batch service.MessageBatch, ack service.AckFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := &delivery{refusals: d.refusals}
	for _, p := range d.parts {
		if p.ended {
			c.release(len(p.records))
			continue
		}
		batch = p.decode(batch, p.records, func(*kgo.Record, progress.Row) {})
		again.parts = append(again.parts, p)
	}
	return batch, c.acknowledger(again)
}

// acknowledger returns what the pipeline calls once all messages of a delivery
// are dealt with, or refused.
func (c *consumer) acknowledger(d *delivery) service.AckFunc {
	var once sync.Once
	return func(_ context.Context, err error) error {
		once.Do(func() { c.settle(d, err) })
		return nil
	}
}

// settle handles the answer to a delivery. Refused records come again or, without
// auto_replay_nacks, hold back the position.
func (c *consumer) settle(d *delivery, err error) {
	refusal := replay.RefusalOf(err, keyOfMessage, d.keys())
	refused := &delivery{refusals: d.refusals + 1}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range d.parts {
		rest := p.refused(refusal)
		if done := len(p.records) - len(rest); !p.ended && p.progress.Done(p.part, done) {
			p.dirty = true
		}
		if len(rest) == 0 || !c.conf.replay {
			c.release(len(p.records))
			continue
		}
		c.release(len(p.records) - len(rest))
		refused.parts = append(refused.parts, delivered{p.assignment, p.part, rest})
	}
	if len(refused.parts) > 0 {
		c.again.Add(refused, refused.refusals)
	}
	if err != nil && !c.conf.replay {
		if omitted, due := c.pace.due("refused", time.Now()); due {
			c.log.Warnf("A batch was refused: %v. Since auto_replay_nacks is false, its records and those after them come again when the group rebalances or this program restarts (%d more since the last such line)", err, omitted)
		}
	}
}

// release notes that so many records are no longer in flight. The lock is held.
func (c *consumer) release(records int) {
	if records == 0 {
		return
	}
	c.out -= records
	close(c.changed)
	c.changed = make(chan struct{})
}

// refused returns the records of the part that were refused.
func (p *delivered) refused(refusal replay.Refusal[key]) (records []*kgo.Record) {
	if refusal.None() {
		return nil
	}
	for _, r := range p.records {
		if refusal.Has(keyOfRecord(r)) {
			records = append(records, r)
		}
	}
	return records
}

// keys returns the keys of all records of the delivery.
func (d *delivery) keys() iter.Seq[key] {
	return func(yield func(key) bool) {
		for _, p := range d.parts {
			for _, r := range p.records {
				if !yield(keyOfRecord(r)) {
					return
				}
			}
		}
	}
}

// key identifies a record within a delivery: by channel and row, or by
// topic, partition and offset.
type key struct {
	name      string
	partition int
	number    int64
}

func keyOfRecord(r *kgo.Record) key {
	if row := rowOf(r); row.Channel != "" {
		return key{row.Channel, -1, row.Number}
	}
	return key{r.Topic, int(r.Partition), r.Offset}
}

func keyOfMessage(m *service.Message) (k key, ok bool) {
	name, _ := m.MetaGetMut(metaChannel)
	number, _ := m.MetaGetMut(metaRow)
	k.partition = -1
	if k.name, ok = name.(string); ok {
		k.number, ok = number.(int64)
		return k, ok
	}
	name, _ = m.MetaGetMut(metaKafkaTopic)
	partition, _ := m.MetaGetMut(metaKafkaPartition)
	offset, _ := m.MetaGetMut(metaKafkaOffset)
	var names, partitions, offsets bool
	var n int
	k.name, names = name.(string)
	k.partition, partitions = partition.(int)
	n, offsets = offset.(int)
	k.number = int64(n)
	return k, names && partitions && offsets
}
