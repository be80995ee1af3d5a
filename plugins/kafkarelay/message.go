package kafkarelay

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/plugins/kafkarelay/internal/cells"
	"github.com/ecommerce-ingest/connect/plugins/kafkarelay/internal/progress"
)

// Metadata of records that are no rows of csv_watch. Those that kafka_franz sets
// have its names.
const (
	metaKafkaKey       = "kafka_key"
	metaKafkaTopic     = "kafka_topic"
	metaKafkaTopicID   = "kafka_topic_id"
	metaKafkaPartition = "kafka_partition"
	metaKafkaOffset    = "kafka_offset"
	metaKafkaEpoch     = "kafka_leader_epoch"
	metaKafkaWatermark = "kafka_low_watermark"
	metaKafkaUnix      = "kafka_timestamp_unix"
	metaKafkaMillis    = "kafka_timestamp_ms"
	metaKafkaTombstone = "kafka_tombstone_message"
)

// Metadata of rows that are made here.
const (
	metaModTimeUnix      = "mod_time_unix"
	metaChannelWatermark = "csv_low_watermark"
)

// maxColumns bounds the columns of a row, as csv_watch does.
const maxColumns = 1 << 16

// decoder makes messages of the records of one partition.
type decoder struct {
	topic, topicID, partition any
	watermark                 any // of the partition

	header  []byte // that columns were read from
	columns []string
	names   service.ImmutableValue
	cells   []cells.Cell

	modTime     string
	modTimeUnix any

	channel          string
	channelWatermark any // nil: not known
}

func newDecoder(topic string, id [16]byte, partition int32) *decoder {
	return &decoder{topic: topic, topicID: topicIDText(id), partition: int(partition)}
}

// topicIDText writes the ID of a topic as Kafka's own tools do.
func topicIDText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// decode makes the message of a record and returns which row it is. p is the
// progress of the partition before this record.
//
// A row has the metadata of csv_watch and no more. These are eight, as many as a
// map holds before it grows; growing costs more than all else here.
func (d *decoder) decode(r *kgo.Record, p *progress.Partition) (*service.Message, progress.Row) {
	m := service.NewMessage(nil)
	var row progress.Row
	var header []byte
	var failure, raw string
	for _, h := range r.Headers {
		value := string(h.Value)
		switch h.Key {
		case metaHeader:
			header = h.Value
			continue
		case metaChannel:
			row.Channel = value
			m.MetaSetMut(h.Key, value)
		case metaRow:
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				row.Number = n
				m.MetaSetMut(h.Key, n)
				continue
			}
			m.MetaSetMut(h.Key, value)
		case metaModTime:
			d.setModTime(m, value)
		case metaError:
			failure = value
			m.MetaSetMut(h.Key, value)
		case metaRaw:
			raw = value
		default:
			m.MetaSetMut(h.Key, value)
		}
	}
	if row.Channel == "" {
		d.describe(m, r)
		m.SetBytes(r.Value)
		return m, progress.Row{}
	}
	d.setWatermark(m, row.Channel, p)
	content := string(r.Value)
	if raw == "" {
		raw = content
	}
	m.MetaSetMut(metaRaw, raw)
	switch {
	case failure != "":
		m.SetBytes(r.Value)
		m.SetError(errors.New(failure))
	case header == nil:
		m.SetBytes(r.Value)
	default:
		d.setCells(m, header, content)
	}
	return m, row
}

// rowOf returns which row a record is.
func rowOf(r *kgo.Record) (row progress.Row) {
	for _, h := range r.Headers {
		switch h.Key {
		case metaChannel:
			row.Channel = string(h.Value)
		case metaRow:
			row.Number, _ = strconv.ParseInt(string(h.Value), 10, 64)
		}
	}
	return row
}

// describe sets where a record stands.
func (d *decoder) describe(m *service.Message, r *kgo.Record) {
	m.MetaSetMut(metaKafkaTopic, d.topic)
	m.MetaSetMut(metaKafkaTopicID, d.topicID)
	m.MetaSetMut(metaKafkaPartition, d.partition)
	m.MetaSetMut(metaKafkaOffset, int(r.Offset))
	m.MetaSetMut(metaKafkaEpoch, int(r.LeaderEpoch))
	m.MetaSetMut(metaKafkaWatermark, d.watermark)
	m.MetaSetMut(metaKafkaUnix, r.Timestamp.Unix())
	m.MetaSetMut(metaKafkaMillis, r.Timestamp.UnixMilli())
	if r.Key != nil {
		m.MetaSetMut(metaKafkaKey, string(r.Key))
	}
	m.MetaSetMut(metaKafkaTombstone, r.Value == nil)
}

func (d *decoder) setModTime(m *service.Message, text string) {
	if d.modTime != text {
		d.modTime, d.modTimeUnix = text, nil
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			d.modTimeUnix = at.Unix()
		}
	}
	m.MetaSetMut(metaModTime, text)
	if d.modTimeUnix != nil {
		m.MetaSetMut(metaModTimeUnix, d.modTimeUnix)
	}
}

func (d *decoder) setWatermark(m *service.Message, channel string, p *progress.Partition) {
	if d.channel != channel {
		d.channel, d.channelWatermark = channel, nil
		if number, known := p.LowWatermark(channel); known {
			d.channelWatermark = number
		}
	}
	if d.channelWatermark != nil {
		m.MetaSetMut(metaChannelWatermark, d.channelWatermark)
	}
}

// setCells makes the content an object of the columns that the header names. A
// record that does not fit its header fails, as a bad record of a file does.
func (d *decoder) setCells(m *service.Message, header []byte, record string) {
	err := d.readHeader(header)
	if err == nil {
		m.MetaSetImmut(metaHeader, d.names)
		err = cells.Split(record, d.cells)
	}
	if err != nil {
		err = fmt.Errorf("reading the record from Kafka: %w", err)
		m.SetBytes([]byte(record))
		m.SetError(err)
		m.MetaSetMut(metaError, err.Error())
		return
	}
	object := make(map[string]any, len(d.columns))
	for i := range d.cells {
		if d.cells[i].Null {
			object[d.columns[i]] = nil
			continue
		}
		object[d.columns[i]] = d.cells[i].Text
	}
	m.SetStructuredMut(object)
}

func (d *decoder) readHeader(header []byte) error {
	if d.columns != nil && bytes.Equal(d.header, header) {
		return nil
	}
	d.columns = nil
	// There is a comma fewer than columns, unless there are some in quotes.
	for n := strings.Count(string(header), ",") + 1; n > 0; n-- {
		if n > maxColumns {
			return fmt.Errorf("its header has more than %d columns", maxColumns)
		}
		d.cells = make([]cells.Cell, n)
		if err := cells.Split(string(header), d.cells); err == nil {
			break
		} else if n == 1 {
			return fmt.Errorf("its header: %w", err)
		}
	}
	names := make([]any, len(d.cells))
	d.columns = make([]string, len(d.cells))
	for i, c := range d.cells {
		d.columns[i] = c.Text
		names[i] = c.Text
	}
	d.header = bytes.Clone(header)
	d.names = service.ImmutableAny{V: names}
	return nil
}
