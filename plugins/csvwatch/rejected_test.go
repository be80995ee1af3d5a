package csvwatch

import (
	"io"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

func TestRejectedRecordsReadAsBefore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ fields, content string }{
		"plain":           {"", "id,name\n1,a\n2,b\n"},
		"several lines":   {"", "id,name\n1,\"a\nb\r\n\"\"c\"\"\"\n2,\"\"\n"},
		"nulls":           {"null_values: ['', n/a]\ntrim_space: true", "id, name\n , n/a \n 2 ,\" b \"\n"},
		"no header":       {"parse_header_row: false", "1,a\n-,sep=;\n"},
		"any fields":      {"parse_header_row: false\nexpected_number_of_fields: -1", "1\n1,2\n1,2,3\n"},
		"odd header":      {"delimiter: ;", "id;\"a \"\"b\"\"\";\"c;d\";\n1;2;3;4\n"},
		"header in lines": {"", "id,\"a\nb\"\n1,2\n"},
		"tabs":            {"delimiter: \"\\t\"", "id\tname\n1\t,\n"},
		"lazy quotes":     {"lazy_quotes: true", "id,name\n1,a \"b\" c\n2,\"a \"b\" c\"\n"},
		"bad quotes":      {"", "id,name\n1,a \"b\" c\n2,b\n3,\"a\" b\n4,c\n"},
		"open quote":      {"", "id,name\n1,\"a\n2,b\n3,c\n"},
		"ragged":          {"", "id,name\n1\n1,2,3\n"},
		"long header":     {"max_record_bytes: 20", "id,a_long_name_it_is\n1,b\n"},
		"expected":        {"expected_headers: [name, id]", "id,name,more\n1,a,b\n"},
		"skipped lines":   {"skip_rows: 2", "a report\nof today\nid,name\n1,a\n"},
		"comments":        {"comment: '#'", "id,name\n1,a\n\"#2\",b\n"},
		"encoding":        {"encoding: latin1", "id,name\n1,M\xfcller\n"},
		"byte order mark": {"", "\uFEFFid,name\n\uFEFF1,a\n"},
		"archive":         {"parse_header_row: false", "1,a\nPAR1,b\n%PDF-,c\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, err := NewRecords("paths: [x.csv]\n" + test.fields)
			require.NoError(t, err)
			messages := messagesIn(t, records, test.content)
			require.NotEmpty(t, messages)
			for _, before := range messages {
				again, err := records.Message(rejectedOf(t, before))
				require.NoError(t, err)
				assert.Equal(t, contentOf(t, before), contentOf(t, again))
				assert.Equal(t, before.GetError() == nil, again.GetError() == nil)
				for _, key := range []string{metaPath, metaHeader, metaRow, metaRaw} {
					want, _ := before.MetaGet(key)
					got, _ := again.MetaGet(key)
					assert.Equal(t, want, got, key)
				}
				row, _ := again.MetaGetMut(metaRow)
				assert.IsType(t, int64(0), row)
				channel, _ := again.MetaGet(metaChannel)
				assert.Equal(t, "replay/the-channel", channel)
				third, err := records.Message(rejectedOf(t, again))
				require.NoError(t, err)
				channel, _ = third.MetaGet(metaChannel)
				assert.Equal(t, "replay/replay/the-channel", channel, "another row each time")
				_, known := again.MetaGet(metaWatermark)
				assert.False(t, known, "the others of the file say nothing about records that are sent again")
				of, _ := again.MetaGet(metaReplayOf)
				assert.Equal(t, "the-id", of)
			}
		})
	}
}

func TestRecordsPutRightReadWell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ fields, header, raw, want string }{
		"lazy quotes": {"lazy_quotes: true", `["id","name"]`, `1,a "b" c`, `{"id":"1","name":"a \"b\" c"}`},
		"delimiter":   {"delimiter: ;", `["id","name"]`, `1;a`, `{"id":"1","name":"a"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, err := NewRecords("paths: [x.csv]\n" + test.fields)
			require.NoError(t, err)
			m, err := records.Message(&Rejected{ID: "the-id", Stage: "parse", Row: 1, Header: test.header, Raw: test.raw})
			require.NoError(t, err)
			require.NoError(t, m.GetError())
			content, err := m.AsBytes()
			require.NoError(t, err)
			assert.JSONEq(t, test.want, string(content))
			channel, _ := m.MetaGet(metaChannel)
			assert.Equal(t, "replay/the-id", channel, "of a rejection without a channel")
		})
	}
}

func TestRecordsInPartAreNotSent(t *testing.T) {
	t.Parallel()
	records, err := NewRecords("paths: [x.csv]")
	require.NoError(t, err)
	const header = `["a"]`
	for name, test := range map[string]struct {
		rejected Rejected
		want     string
	}{
		"cut": {
			Rejected{Header: header, Raw: strings.Repeat("x", csvrows.MaxRawBytes-3)},
			`it is long, and only its beginning was kept: put it into a file again`,
		},
		"cut at max_record_bytes": {
			rejectedLong(t),
			`it is long, and only its beginning was kept: put it into a file again`,
		},
		"no text": {
			Rejected{Header: header, Stage: "parse", Raw: `M\xfcller`},
			`it has bytes that are no text, which were kept as \xNN: put it into a file again, in the encoding of the pipeline`,
		},
		"NUL": {
			Rejected{Header: header, Stage: "database", Raw: `a\x00b`},
			`it has bytes that are no text, which were kept as \xNN: put it into a file again, in the encoding of the pipeline`,
		},
		"no header": {
			Rejected{Raw: `a`},
			`it was kept without its header: put it into a file again, under its header`,
		},
		"cut header": {
			Rejected{Header: `["a","b…`, Raw: `a`},
			`its header was kept in part only: put it into a file again, under its header`,
		},
	} {
		_, err := records.Message(&test.rejected)
		assert.EqualError(t, err, test.want, name)
	}
	_, err = records.Message(&Rejected{Header: header, Stage: "mapping", Raw: `C:\x86`})
	assert.NoError(t, err, "text that only looks like such a byte")
}

func TestRecordThatReadsAsSeveralIsBad(t *testing.T) {
	t.Parallel()
	records, err := NewRecords("paths: [x.csv]")
	require.NoError(t, err)
	m, err := records.Message(&Rejected{Header: `["a"]`, Raw: "b\nc"})
	require.NoError(t, err)
	assert.EqualError(t, m.GetError(), "the record reads as 2 records: put it into a file again")
}

// messagesIn returns the messages of a file.
func messagesIn(t *testing.T, r *Records, content string) (messages []*service.Message) {
	t.Helper()
	reader, err := csvrows.Open(strings.NewReader(content), "x.csv", r.rows, csvrows.Position{})
	require.NoError(t, err)
	defer reader.Close()
	var rows []csvrows.Row
	for err == nil {
		rows, err = reader.Read(rows, 100)
	}
	require.ErrorIs(t, err, io.EOF)
	rows, err = reader.Finish(rows)
	require.NoError(t, err)
	from := originOf(&watch.Segment{Path: "x.csv", Channel: "the-channel", Columns: reader.Columns()}, r.nulls)
	for i := range rows {
		messages = append(messages, from.message(&rows[i]))
	}
	return messages
}

// rejectedLong returns a record that is longer than max_record_bytes.
func rejectedLong(t *testing.T) Rejected {
	t.Helper()
	r, err := NewRecords("paths: [x.csv]\nmax_record_bytes: 20")
	require.NoError(t, err)
	messages := messagesIn(t, r, "a\n"+strings.Repeat("x", 40)+"\n")
	require.Len(t, messages, 1)
	return *rejectedOf(t, messages[0])
}

// rejectedOf returns what is kept of a message.
func rejectedOf(t *testing.T, m *service.Message) *Rejected {
	t.Helper()
	r := &Rejected{ID: "the-id", Stage: "mapping"}
	if m.GetError() != nil {
		r.Stage, r.Reason = "parse", m.GetError().Error()
	}
	r.Path, _ = m.MetaGet(metaPath)
	r.Channel, _ = m.MetaGet(metaChannel)
	r.Header, _ = m.MetaGet(metaHeader)
	r.Raw, _ = m.MetaGet(metaRaw)
	row, _ := m.MetaGetMut(metaRow)
	r.Row = row.(int64)
	return r
}

func contentOf(t *testing.T, m *service.Message) any {
	t.Helper()
	if m.GetError() != nil {
		content, err := m.AsBytes()
		require.NoError(t, err)
		return string(content)
	}
	content, err := m.AsStructured()
	require.NoError(t, err)
	return content
}
