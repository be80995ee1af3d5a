package kafkarelay

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/boxes"
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

// decoder makes messages of the records of one partition. Rows of a file follow
// one another, so a value that the record before had as well is not made again.
type decoder struct {
	topic, topicID, partition any
	watermark                 any // of the partition

	channel, path, modTime repeated
	modTimeUnix            any // of modTime; nil if that is no time
	channelWatermark       any // of channel; nil: not known

	header  []byte // that columns were read from
	columns []string
	names   service.ImmutableValue

	// Of the batch of records that is being decoded.
	progress *progress.Partition
	rows     []rowMemory
	cells    []cells.Cell // what is left of a piece of memory
}

// rowMemory is where the metadata of a row that differ from row to row are, so
// that they need no allocation each.
type rowMemory struct {
	number int64
	raw    string
}

// repeated is a text that is often the same as that of the record before.
type repeated struct {
	text  string
	boxed any
}

// set makes the text that of value and reports whether it is another one.
func (r *repeated) set(value []byte) (changed bool) {
	if r.boxed != nil && r.text == string(value) {
		return false
	}
	r.text = string(value)
	r.boxed = r.text
	return true
}

func newDecoder(topic string, id [16]byte, partition int32) *decoder {
	return &decoder{topic: topic, topicID: topicIDText(id), partition: int(partition)}
}

// begin prepares for a batch of records. p is the progress before them.
func (d *decoder) begin(p *progress.Partition, records int) {
	d.watermark, _ = p.Position()
	d.progress = p
	d.channel = repeated{} // its watermark may have moved
	d.rows = make([]rowMemory, records)
	d.cells = nil
}

// topicIDText writes the ID of a topic as Kafka's own tools do.
func topicIDText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// decode makes the message of the i-th record of the batch and returns which row
// it is. The message refers to the memory of the record.
//
// A row has the metadata of csv_watch and no more. These are eight, as many as a
// map holds before it grows; growing costs more than all else here.
func (d *decoder) decode(r *kgo.Record, i int) (*service.Message, progress.Row) {
	m := service.NewMessage(nil)
	memory := &d.rows[i]
	var row progress.Row
	var header []byte
	var failure string
	for _, h := range r.Headers {
		switch h.Key {
		case metaHeader:
			header = h.Value
		case metaChannel:
			d.setChannel(m, h.Value)
			row.Channel = d.channel.text
		case metaRow:
			row.Number = setRow(m, memory, h.Value)
		case metaPath:
			d.path.set(h.Value)
			m.MetaSetMut(metaPath, d.path.boxed)
		case metaModTime:
			d.setModTime(m, h.Value)
		case metaError:
			failure = string(h.Value)
			m.MetaSetMut(h.Key, failure)
		case metaRaw:
			memory.raw = textView(h.Value)
		default:
			m.MetaSetMut(h.Key, string(h.Value))
		}
	}
	if row.Channel == "" {
		d.describe(m, r)
		m.SetBytes(r.Value)
		return m, progress.Row{}
	}
	if memory.raw == "" {
		memory.raw = textView(r.Value)
	}
	m.MetaSetMut(metaRaw, boxes.String(&memory.raw))
	switch {
	case failure != "":
		m.SetBytes(r.Value)
		m.SetError(errors.New(failure))
	case header == nil:
		m.SetBytes(r.Value)
	default:
		d.setCells(m, header, r.Value, len(d.rows)-i)
	}
	return m, row
}

// textView returns the bytes as a string without a copy. Nobody changes those of
// a record that was fetched.
func textView(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// setRow sets the number of a row and returns it; 0 if it is none.
func setRow(m *service.Message, memory *rowMemory, value []byte) int64 {
	n, err := strconv.ParseInt(textView(value), 10, 64)
	if err != nil {
		m.MetaSetMut(metaRow, string(value))
		return 0
	}
	memory.number = n
	m.MetaSetMut(metaRow, boxes.Int64(&memory.number))
	return n
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

func (d *decoder) setModTime(m *service.Message, value []byte) {
	if d.modTime.set(value) {
		d.modTimeUnix = nil
		if at, err := time.Parse(time.RFC3339, d.modTime.text); err == nil {
			d.modTimeUnix = at.Unix()
		}
	}
	m.MetaSetMut(metaModTime, d.modTime.boxed)
	if d.modTimeUnix != nil {
		m.MetaSetMut(metaModTimeUnix, d.modTimeUnix)
	}
}

func (d *decoder) setChannel(m *service.Message, value []byte) {
	if d.channel.set(value) {
		d.channelWatermark = nil
		if number, known := d.progress.LowWatermark(d.channel.text); known {
			d.channelWatermark = number
		}
	}
	m.MetaSetMut(metaChannel, d.channel.boxed)
	if d.channelWatermark != nil {
		m.MetaSetMut(metaChannelWatermark, d.channelWatermark)
	}
}

// setCells makes the content an object of the columns that the header names. A
// record that does not fit its header fails, as a bad record of a file does.
// About as many rows as left are still to come.
func (d *decoder) setCells(m *service.Message, header, record []byte, left int) {
	err := d.readHeader(header)
	var row []cells.Cell
	if err == nil {
		m.MetaSetImmut(metaHeader, d.names)
		row = d.takeCells(left)
		err = cells.Split(textView(record), row)
	}
	if err != nil {
		err = fmt.Errorf("reading the record from Kafka: %w", err)
		m.SetBytes(record)
		m.SetError(err)
		m.MetaSetMut(metaError, err.Error())
		return
	}
	object := make(map[string]any, len(d.columns))
	for i := range row {
		if row[i].Null {
			object[d.columns[i]] = nil
			continue
		}
		object[d.columns[i]] = boxes.String(&row[i].Text)
	}
	m.SetStructuredMut(object)
}

// takeCells returns memory for the cells of a row.
func (d *decoder) takeCells(left int) []cells.Cell {
	const most = 1 << 13 // cells at a time, since one that is kept keeps all
	n := len(d.columns)
	if len(d.cells) < n {
		d.cells = make([]cells.Cell, max(n, min(n*left, most)))
	}
	row := d.cells[:n:n]
	d.cells = d.cells[n:]
	return row
}

func (d *decoder) readHeader(header []byte) error {
	if d.columns != nil && bytes.Equal(d.header, header) {
		return nil
	}
	d.columns = nil
	row, err := cells.Parse(string(header), maxColumns)
	if err != nil {
		return fmt.Errorf("its header: %w", err)
	}
	names := make([]any, len(row))
	d.columns = make([]string, len(row))
	for i, c := range row {
		d.columns[i] = c.Text
		names[i] = c.Text
	}
	d.header = bytes.Clone(header)
	d.names = service.ImmutableAny{V: names}
	return nil
}
