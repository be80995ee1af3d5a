package pgvalue

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hot are the values that most rows are made of.
var hot = []struct {
	name string
	enc  encoder
	v    any
}{
	{"string to uuid", uuidEncoder{}, "0190b7c4-5a3e-7c1d-9f2b-8e6a4d3c2b1a"},
	{"string to int8", int8Encoder, "1234567"},
	{"string to int4", int4Encoder, "3"},
	{"int64 to int8", int8Encoder, int64(1234567)},
	{"int64 to int4", int4Encoder, int64(3)},
	{"float64 to int4", int4Encoder, 3.0},
	{"json.Number to int8", int8Encoder, json.Number("1234567")},
	{"string to numeric(12,2)", newNumericEncoder(12<<16 | 2 + 4), "12345.67"},
	{"string to numeric", newNumericEncoder(-1), "12345.67"},
	{"float64 to numeric(12,2)", newNumericEncoder(12<<16 | 2 + 4), 12345.67},
	{"int64 to numeric(12,2)", newNumericEncoder(12<<16 | 2 + 4), int64(12345)},
	{"string to timestamptz", &timestampEncoder{zoned: true}, "2024-02-29T12:34:56.789Z"},
	{"string of SQL to timestamptz", &timestampEncoder{zoned: true}, "2024-02-29 12:34:56"},
	{"time.Time to timestamptz", &timestampEncoder{zoned: true}, time.Unix(1700000000, 123456789).UTC()},
	{"int64 to timestamptz", &timestampEncoder{zoned: true}, int64(1700000000)},
	{"float64 to timestamptz", &timestampEncoder{zoned: true}, 1700000000.5},
	{"string to text", &textEncoder{}, "Ergonomic Granite Chair"},
	{"string to varchar(20)", &textEncoder{maxChars: 20}, "remove_from_cart"},
	{"int64 to text", &textEncoder{}, int64(1234567)},
	{"bool to bool", booleanEncoder{}, true},
	{"string to bool", booleanEncoder{}, "false"},
	{"float64 to float8", &floatEncoder{bits: 64}, 12345.67},
	{"string to float8", &floatEncoder{bits: 64}, "12345.67"},
	{"string to date", dateEncoder{}, "2024-02-29"},
	{"bytes to bytea", byteaEncoder{}, []byte("some bytes")},
	{"object to jsonb", &jsonEncoder{binary: true}, map[string]any{"id": int64(1), "name": "Chair", "price": 12.5, "tags": []any{"a", "b"}}},
	{"string to jsonb", &jsonEncoder{binary: true}, `{"id":1,"name":"Chair","price":12.5,"tags":["a","b"]}`},
	{"string to enum", &enumEncoder{labels: map[string]struct{}{"sad": {}, "ok": {}}}, "sad"},
	{"string to inet", &networkEncoder{}, "192.168.0.1"},
	{"list to int8[]", &arrayEncoder{element: int8Encoder}, []any{int64(1), int64(2), int64(3)}},
	{"null", int8Encoder, nil},
}

func TestCommonValuesAreEncodedWithoutAllocation(t *testing.T) {
	buf := make([]byte, 0, 1024)
	for _, h := range hot {
		column := &Column{enc: h.enc}
		allocs := testing.AllocsPerRun(100, func() {
			if _, err := column.Append(buf, h.v); err != nil {
				t.Fatal(err)
			}
		})
		require.Zero(t, allocs, h.name)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, h := range hot {
		b.Run(h.name, func(b *testing.B) {
			column := &Column{enc: h.enc}
			buf := make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := column.Append(buf, h.v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRow writes a row of user_events as it comes from CSV.
func BenchmarkRow(b *testing.B) {
	text := &textEncoder{}
	columns := []*Column{
		{enc: uuidEncoder{}}, {enc: int8Encoder}, {enc: uuidEncoder{}}, {enc: text}, {enc: int8Encoder}, {enc: text}, {enc: text},
		{enc: newNumericEncoder(12<<16 | 2 + 4)}, {enc: int4Encoder}, {enc: &timestampEncoder{zoned: true}},
	}
	row := []any{
		"0190b7c4-5a3e-7c1d-9f2b-8e6a4d3c2b1a", "12345", "0190b7c4-5a3e-7c1d-9f2b-8e6a4d3c2b1b", "add_to_cart", "678", "Ergonomic Granite Chair", "Furniture",
		"129.99", "2", "2024-02-29T12:34:56.789Z",
	}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		out := buf
		for i, column := range columns {
			var err error
			if out, err = column.Append(out, row[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}
