package kafkarelay

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/plugins/kafkarelay/internal/cells"
)

// Metadata of csv_watch that travel as headers of the same name. Those that are
// made from others, or that hold for one process only, do not.
const (
	metaPath    = "path"
	metaHeader  = "header"
	metaModTime = "mod_time"
	metaChannel = "csv_channel"
	metaRow     = "csv_row"
	metaRaw     = "csv_raw"
	metaError   = "csv_error"
)

// headersPerRow is how many headers a row has at most.
const headersPerRow = 7

// encoder makes Kafka records of the messages of one batch. What it makes shares
// memory with the messages and with the encoder, which is used again for another
// batch once every record of this one is acknowledged.
type encoder struct {
	topic string
	key   func(i int) ([]byte, error) // nil: csv_channel

	records []kgo.Record
	headers []kgo.RecordHeader
	buf     []byte
	cells   []cells.Cell
	origin  rowOrigin // of the row before
}

// rowOrigin is what the rows of a channel have in common.
type rowOrigin struct {
	channel string
	columns []string
	header  []byte // columns as a CSV record; nil without any
}

// reset prepares the encoder for the messages of another batch.
func (e *encoder) reset(topic string, messages int) {
	clear(e.records)
	clear(e.headers)
	e.topic, e.key, e.origin = topic, nil, rowOrigin{}
	e.records = slices.Grow(e.records[:0], messages)[:messages]
	e.headers = slices.Grow(e.headers[:0], headersPerRow*messages)
	e.buf = e.buf[:0]
}

// room returns buf with room for n more bytes. What was appended before stays
// where it is, because records refer to it.
func (e *encoder) room(n int) []byte {
	const chunk = 64 << 10
	if cap(e.buf)-len(e.buf) < n {
		e.buf = make([]byte, 0, max(chunk, n))
	}
	return e.buf
}

// encode makes the record of the i-th message and returns it.
func (e *encoder) encode(i int, m *service.Message) (*kgo.Record, error) {
	r := &e.records[i]
	r.Topic = e.topic
	channel, isRow := text(m, metaChannel)
	if isRow {
		r.Key = view(channel)
	}
	if e.key != nil {
		key, err := e.key(i)
		if err != nil {
			return nil, fmt.Errorf("interpolating key: %w", err)
		}
		r.Key = key
	}
	if !isRow {
		value, err := m.AsBytes()
		r.Value = notNil(value)
		return r, err
	}
	e.follow(m, channel)
	from := len(e.headers)
	value, isRecord, err := e.value(m)
	if err != nil {
		return nil, err
	}
	r.Value = value
	e.add(metaChannel, view(channel))
	e.addNumber(m)
	for _, name := range []string{metaPath, metaModTime} {
		if value, ok := text(m, name); ok {
			e.add(name, view(value))
		}
	}
	if isRecord {
		e.add(metaHeader, e.origin.header)
	}
	if why, bad := text(m, metaError); bad {
		e.add(metaError, view(why))
	}
	if raw, ok := text(m, metaRaw); ok && raw != string(value) {
		e.add(metaRaw, view(raw))
	}
	r.Headers = e.headers[from:len(e.headers):len(e.headers)]
	return r, nil
}

// follow reads what the rows of a channel have in common, once for consecutive rows.
func (e *encoder) follow(m *service.Message, channel string) {
	if e.origin.channel == channel {
		return
	}
	e.origin = rowOrigin{channel: channel}
	header, _ := m.MetaGetMut(metaHeader)
	names, _ := header.([]any)
	for _, n := range names {
		column, ok := n.(string)
		if !ok {
			return
		}
		if e.origin.columns != nil {
			e.origin.header = append(e.origin.header, ',')
		}
		e.origin.columns = append(e.origin.columns, column)
		e.origin.header = cells.AppendCell(e.origin.header, column)
	}
}

// value returns the content of a row: as a CSV record where it has a text or
// null for each column and nothing else, as it is where it does not.
func (e *encoder) value(m *service.Message) (value []byte, isRecord bool, err error) {
	if m.HasStructured() && m.GetError() == nil && e.origin.header != nil {
		content, err := m.AsStructured()
		if err != nil {
			return nil, false, err
		}
		if row, ok := content.(map[string]any); ok && e.take(row) {
			if raw, ok := text(m, metaRaw); ok && cells.IsPlain(raw, e.cells) {
				return view(raw), true, nil // most rows of most files
			}
			buf := e.room(cells.Bound(e.cells))
			e.buf = cells.Append(buf, e.cells)
			return notNil(e.buf[len(buf):len(e.buf):len(e.buf)]), true, nil
		}
	}
	value, err = m.AsBytes()
	return notNil(value), false, err
}

// take fills cells with the row and reports whether they are all there is to it.
func (e *encoder) take(row map[string]any) bool {
	if len(row) != len(e.origin.columns) {
		return false
	}
	e.cells = slices.Grow(e.cells[:0], len(row))[:len(row)]
	for i, column := range e.origin.columns {
		cell, there := row[column]
		switch cell := cell.(type) {
		case string:
			e.cells[i] = cells.Cell{Text: cell}
		case nil:
			e.cells[i] = cells.Cell{Null: true}
			if !there {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (e *encoder) add(name string, value []byte) {
	if len(value) > 0 {
		e.headers = append(e.headers, kgo.RecordHeader{Key: name, Value: value})
	}
}

// addNumber adds the number of the row.
func (e *encoder) addNumber(m *service.Message) {
	switch number, _ := m.MetaGetMut(metaRow); n := number.(type) {
	case int64:
		const longest = len("-9223372036854775808")
		buf := e.room(longest)
		e.buf = strconv.AppendInt(buf, n, 10)
		e.add(metaRow, e.buf[len(buf):len(e.buf):len(e.buf)])
	default:
		if n, ok := text(m, metaRow); ok {
			e.add(metaRow, []byte(n))
		}
	}
}

// reject turns the record of a row into one that tells why it cannot travel: its
// raw content, cut to a size that can, and the reason.
func reject(r *kgo.Record, raw, reason string, most int) {
	for i := 0; i < len(r.Headers); i++ {
		switch r.Headers[i].Key {
		case metaHeader, metaError, metaRaw:
			r.Headers = append(r.Headers[:i], r.Headers[i+1:]...)
			i--
		}
	}
	most = max(0, most-recordSize(r)+len(r.Value)-len(reason)-64)
	for len(raw) > most || (len(raw) > 0 && !utf8.ValidString(raw)) {
		raw = raw[:min(most, len(raw)-1)]
	}
	r.Value = []byte(raw)
	// A copy: the records of a batch share an array of headers.
	r.Headers = append(r.Headers[:len(r.Headers):len(r.Headers)], kgo.RecordHeader{Key: metaError, Value: []byte(reason)})
}

// recordSize returns an upper bound of what a record takes in a batch of its own.
func recordSize(r *kgo.Record) int {
	size := 128 + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += 10 + len(h.Key) + len(h.Value)
	}
	return size
}

// text returns metadata that are a string and not empty.
func text(m *service.Message, name string) (string, bool) {
	value, _ := m.MetaGetMut(name)
	switch v := value.(type) {
	case string:
		return v, v != ""
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		if v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', -1, 64), true
		}
	}
	return "", false
}

// view returns the bytes of s without a copy, for those who only read them.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// notNil returns an empty value in place of none, which would be a tombstone.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
