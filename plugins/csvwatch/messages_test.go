package csvwatch

import (
	"errors"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

func metaOf(t *testing.T, m *service.Message) map[string]any {
	t.Helper()
	meta := map[string]any{}
	require.NoError(t, m.MetaWalkMut(func(key string, value any) error {
		meta[key] = value
		return nil
	}))
	return meta
}

func TestAMessageHasTheRowAndItsOrigin(t *testing.T) {
	t.Parallel()
	s := &watch.Segment{
		Path: "in/a.csv", Channel: "0198c0de", LowWatermark: 5, Modified: time.Unix(1750000000, 5).In(time.FixedZone("x", 3600)),
		Columns: []string{"id", "name"},
		Rows:    []csvrows.Row{{Number: 7, Fields: []string{"1", "one"}, Raw: "1,one"}},
	}
	o := originOf(s, nil)
	m := o.message(&s.Rows[0])
	content, err := m.AsStructuredMut()
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": "1", "name": "one"}, content)
	require.Equal(t, map[string]any{
		"path": "in/a.csv", "mod_time": "2025-06-15T15:06:40Z", "mod_time_unix": int64(1750000000),
		"csv_channel": "0198c0de", "csv_low_watermark": int64(5), "csv_row": int64(7), "csv_raw": "1,one", "header": []any{"id", "name"},
	}, metaOf(t, m))
	require.NoError(t, m.GetError())
}

func TestChangingAMessageAffectsNoOther(t *testing.T) {
	t.Parallel()
	s := &watch.Segment{
		Columns: []string{"id", "name"},
		Rows:    []csvrows.Row{{Number: 1, Fields: []string{"1", "one"}}, {Number: 2, Fields: []string{"2", "two"}}},
	}
	o := originOf(s, nil)
	first := o.message(&s.Rows[0])
	content, err := first.AsStructuredMut()
	require.NoError(t, err)
	content.(map[string]any)["name"] = "changed"
	header, _ := first.MetaGetMut("header")
	header.([]any)[0] = "changed"

	for i, name := range []string{"one", "two"} {
		m := o.message(&s.Rows[i])
		content, err := m.AsStructured()
		require.NoError(t, err)
		require.Equal(t, name, content.(map[string]any)["name"])
		header, _ := m.MetaGetMut("header")
		require.Equal(t, []any{"id", "name"}, header)
	}
}

func TestWithoutAHeaderAMessageIsAnArray(t *testing.T) {
	t.Parallel()
	s := &watch.Segment{Rows: []csvrows.Row{{Number: 1, Fields: []string{"1", "one"}}}}
	o := originOf(s, nil)
	m := o.message(&s.Rows[0])
	content, err := m.AsStructured()
	require.NoError(t, err)
	require.Equal(t, []any{"1", "one"}, content)
	_, has := m.MetaGetMut("header")
	require.False(t, has)
}

func TestNullValuesBecomeNull(t *testing.T) {
	t.Parallel()
	rows := []csvrows.Row{{Number: 1, Fields: []string{"", "NULL", "null", " "}}}
	for _, test := range []struct {
		columns []string
		want    any
	}{
		{[]string{"a", "b", "c", "d"}, map[string]any{"a": nil, "b": nil, "c": "null", "d": " "}},
		{nil, []any{nil, nil, "null", " "}},
	} {
		s := &watch.Segment{Columns: test.columns, Rows: rows}
		o := originOf(s, []string{"", "NULL"})
		content, err := o.message(&s.Rows[0]).AsStructured()
		require.NoError(t, err)
		require.Equal(t, test.want, content)
	}
}

func TestABadRecordIsAFailedMessage(t *testing.T) {
	t.Parallel()
	reason := errors.New("1 cell where 2 are in the header")
	s := &watch.Segment{
		Columns: []string{"id", "name"},
		Rows:    []csvrows.Row{{Number: 3, Raw: "a\x00b\xffü", Err: reason}},
	}
	o := originOf(s, nil)
	m := o.message(&s.Rows[0])
	require.Equal(t, reason, m.GetError())
	content, err := m.AsBytes()
	require.NoError(t, err)
	require.Equal(t, "a\x00b\xffü", string(content))
	meta := metaOf(t, m)
	require.Equal(t, `a\x00b\xffü`, meta["csv_raw"], "it can be stored as text")
	require.Equal(t, int64(3), meta["csv_row"])
}

func TestAFileNameThatIsNoTextIsEscaped(t *testing.T) {
	t.Parallel()
	s := &watch.Segment{Path: "in/\xff\n ü.csv", Rows: []csvrows.Row{{Number: 1, Fields: []string{"1"}}}}
	o := originOf(s, nil)
	require.Equal(t, "in/\\xff\n ü.csv", metaOf(t, o.message(&s.Rows[0]))["path"])
}

func TestNULIsEscapedInTheRawRecordOnly(t *testing.T) {
	t.Parallel()
	s := &watch.Segment{Columns: []string{"v"}, Rows: []csvrows.Row{{Number: 1, Fields: []string{"a\x00b"}, Raw: "a\x00b"}}}
	o := originOf(s, nil)
	m := o.message(&s.Rows[0])
	content, err := m.AsStructured()
	require.NoError(t, err)
	require.Equal(t, map[string]any{"v": "a\x00b"}, content)
	require.Equal(t, `a\x00b`, metaOf(t, m)["csv_raw"])
}
