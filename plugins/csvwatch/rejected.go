package csvwatch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// Spec returns the fields of csv_watch, for an input that takes its place.
func Spec() *service.ConfigSpec { return spec() }

// Rejected is a record that was rejected, with what was kept of it.
type Rejected struct {
	ID      string // of the rejection
	Stage   string // at which it was rejected
	Reason  string // why it was rejected
	Path    string
	Channel string
	Row     int64
	Header  string // the columns, as a JSON list; empty for files without a header
	Raw     string // the record as it came, without bytes that databases do not take as text
}

// metaReplayOf is metadata of records that are sent again: the rejection that they are of.
const metaReplayOf = "replay_of"

// replayPrefix stands before the channel of records that are sent again, once for each time: a ledger, and whatever else
// knows rows by their channel, takes them for other rows than those that were rejected, which are done.
const replayPrefix = "replay/"

// Records makes messages of rejected records. Many goroutines may use it.
type Records struct {
	rows  csvrows.Options
	nulls []string
}

// NewRecords returns Records that read as a csv_watch does whose fields are these, in YAML.
func NewRecords(fields string) (*Records, error) {
	conf, err := spec().ParseYAML(fields, nil)
	if err != nil {
		return nil, err
	}
	g := getter{p: conf}
	r := &Records{rows: rowOptions(&g), nulls: g.list(fieldNullValues)}
	if g.err != nil {
		return nil, g.err
	}
	return r, r.rows.Validate()
}

// Message returns the message of a record that is sent again. One that is no CSV record becomes a failed message, as it
// was before. An error says why what was kept is not the record.
func (r *Records) Message(record *Rejected) (*service.Message, error) {
	columns, err := r.columns(record)
	if err != nil {
		return nil, err
	}
	row, err := r.parse(columns, record.Raw)
	if err != nil {
		return nil, err
	}
	row.Number, row.Raw = record.Row, record.Raw
	channel := replayPrefix + cmp.Or(record.Channel, record.ID)
	from := originOf(&watch.Segment{Path: record.Path, Channel: channel, Columns: columns}, r.nulls)
	m := from.message(&row)
	for _, unknown := range []string{metaModTime, metaModTimeUnix, metaWatermark} {
		m.MetaDelete(unknown)
	}
	m.MetaSetMut(metaReplayOf, record.ID)
	return m, nil
}

// escaped finds bytes that storable has written, in records that could not be read and in others.
var (
	escapedBytes = regexp.MustCompile(`\\x(?:00|[89a-f][0-9a-f])`)
	escapedNUL   = regexp.MustCompile(`\\x00`)
)

// columns returns the columns of a record, and an error where the record is not kept as it was.
func (r *Records) columns(record *Rejected) (columns []string, err error) {
	escaped := escapedNUL
	if record.Stage == "parse" {
		escaped = escapedBytes
	}
	switch {
	case len(record.Raw) > csvrows.MaxRawBytes-utf8.UTFMax, record.Stage == "parse" && strings.Contains(record.Reason, fieldMaxRecordBytes):
		return nil, errors.New("it is long, and only its beginning was kept: put it into a file again")
	case escaped.MatchString(record.Raw):
		return nil, errors.New(`it has bytes that are no text, which were kept as \xNN: put it into a file again, in the encoding of the pipeline`)
	case record.Header == "" && r.rows.ParseHeaderRow:
		return nil, errors.New("it was kept without its header: put it into a file again, under its header")
	case record.Header == "":
		return nil, nil
	}
	if err := json.Unmarshal([]byte(record.Header), &columns); err != nil {
		return nil, errors.New("its header was kept in part only: put it into a file again, under its header")
	}
	return columns, nil
}

// parse reads a record. It is bad if it is not exactly one.
func (r *Records) parse(columns []string, raw string) (row csvrows.Row, err error) {
	opts := r.rows
	opts.Encoding, opts.Comment = "", 0 // it is converted, and no comment
	opts.ExpectedHeaders, opts.RejectMissing, opts.RejectDrift, opts.SkipRepeatedHeaders = nil, false, false, false
	// Something stands before it in any case: at the beginning of a file some texts have a meaning.
	before := "-"
	if opts.ParseHeaderRow, opts.SkipRows = columns != nil, 0; columns == nil {
		opts.SkipRows = 1
	} else {
		before = headerLine(columns, opts.Delimiter)
		opts.ExpectedFields = 0
	}
	opts.MaxRecordBytes = max(opts.MaxRecordBytes, len(before))
	reader, err := csvrows.Open(strings.NewReader(before+"\n"+raw+"\n"), "", opts, csvrows.Position{})
	if err != nil {
		return row, err
	}
	defer reader.Close()
	var rows []csvrows.Row
	for err == nil {
		rows, err = reader.Read(rows, 2)
	}
	if errors.Is(err, io.EOF) {
		rows, err = reader.Finish(rows)
	}
	switch {
	case err != nil:
		return row, fmt.Errorf("reading it: %w", err)
	case len(rows) == 1, len(rows) > 1 && rows[0].Err != nil:
		return rows[0], nil
	}
	row.Err = fmt.Errorf("the record reads as %d records: put it into a file again", len(rows))
	return row, nil
}

// headerLine writes a header.
func headerLine(columns []string, delimiter rune) string {
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return strings.Join(quoted, string(cmp.Or(delimiter, ',')))
}
