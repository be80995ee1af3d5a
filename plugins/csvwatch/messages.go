package csvwatch

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/boxes"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// Metadata of every message.
const (
	metaPath        = "path"
	metaHeader      = "header"
	metaModTime     = "mod_time"
	metaModTimeUnix = "mod_time_unix"
	metaRow         = "csv_row"
	metaRaw         = "csv_raw"
	metaChannel     = "csv_channel"
	metaWatermark   = "csv_low_watermark"
	metaError       = "csv_error" // of bad records only
)

// origin is the metadata that the messages of one segment share, boxed once.
type origin struct {
	path, modTime, modTimeUnix, channel, watermark any
	header                                         service.ImmutableValue
	columns                                        []string
	nulls                                          []string // cells that stand for null
}

func originOf(s *watch.Segment, nulls []string) origin {
	o := origin{
		nulls:       nulls,
		path:        textOf(s.Path),
		modTime:     s.Modified.UTC().Format(time.RFC3339),
		modTimeUnix: s.Modified.Unix(),
		channel:     s.Channel,
		watermark:   s.LowWatermark,
		columns:     s.Columns,
	}
	if s.Columns != nil {
		header := make([]any, len(s.Columns))
		for i := range s.Columns {
			header[i] = s.Columns[i]
		}
		o.header = service.ImmutableAny{V: header}
	}
	return o
}

// rowName identifies a row permanently.
type rowName struct {
	channel string
	row     int64
}

// rowNameOf returns the row of a message. It relies on the metadata, which messages derived from it keep. The engine's
// message contexts would not do: processors that filter or reorder assign them by position.
func rowNameOf(m *service.Message) (name rowName, ok bool) {
	channel, _ := m.MetaGetMut(metaChannel)
	row, _ := m.MetaGetMut(metaRow)
	name.channel, ok = channel.(string)
	if ok {
		name.row, ok = row.(int64)
	}
	return name, ok
}

// message returns the message of a row.
func (o *origin) message(row *csvrows.Row) *service.Message {
	m := service.NewMessage(nil)
	m.MetaSetMut(metaPath, o.path)
	m.MetaSetMut(metaModTime, o.modTime)
	m.MetaSetMut(metaModTimeUnix, o.modTimeUnix)
	m.MetaSetMut(metaChannel, o.channel)
	m.MetaSetMut(metaWatermark, o.watermark)
	m.MetaSetMut(metaRow, boxes.Int64(&row.Number))
	if o.header != nil {
		m.MetaSetImmut(metaHeader, o.header)
	}
	if isStorable(row) {
		m.MetaSetMut(metaRaw, boxes.String(&row.Raw))
	} else {
		m.MetaSetMut(metaRaw, storable(row.Raw))
	}
	if row.Err != nil {
		m.SetBytes([]byte(row.Raw))
		m.SetError(row.Err)
		// Processors may replace or clear the error, but not this.
		m.MetaSetMut(metaError, row.Err.Error())
		return m
	}
	if o.columns == nil {
		cells := make([]any, len(row.Fields))
		for i := range row.Fields {
			cells[i] = o.cell(&row.Fields[i])
		}
		m.SetStructuredMut(cells)
		return m
	}
	cells := make(map[string]any, len(o.columns))
	for i, name := range o.columns {
		cells[name] = o.cell(&row.Fields[i])
	}
	m.SetStructuredMut(cells)
	return m
}

func (o *origin) cell(s *string) any {
	for _, null := range o.nulls {
		if *s == null {
			return nil
		}
	}
	return boxes.String(s)
}

// isStorable reports whether databases accept the raw record as text. That of a good row is valid UTF-8.
func isStorable(row *csvrows.Row) bool {
	return strings.IndexByte(row.Raw, 0) < 0 && (row.Err == nil || utf8.ValidString(row.Raw))
}

// textOf returns s, which may be no text, in a form that databases accept as text.
func textOf(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return storable(s)
}

// storable escapes NUL and bytes that are not UTF-8 as \xNN.
func storable(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0 || (r == utf8.RuneError && n == 1) {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
