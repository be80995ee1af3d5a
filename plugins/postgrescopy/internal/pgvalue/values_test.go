package pgvalue

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	object = map[string]any
	list   = []any
)

// landings are values and the text of what they become, as ::text shows it.
var landings = []struct {
	typ  string
	v    any
	want string
}{
	{"int2", int64(-7), "-7"},
	{"int4", 42.0, "42"},
	{"int4", json.Number("42"), "42"},
	{"int4", json.Number("42.0"), "42"},
	{"int4", json.Number("4.2e1"), "42"},
	{"int4", json.Number("4200e-2"), "42"},
	{"int4", math.Copysign(0, -1), "0"},
	{"int8", -9223372036854775808.0, "-9223372036854775808"},
	{"int8", json.Number("9.223372036854775807e18"), "9223372036854775807"},
	{"int8", json.Number("-9.223372036854775808e18"), "-9223372036854775808"},
	{"int8", uint64(math.MaxInt64), "9223372036854775807"},
	{"int8", int32(1), "1"}, {"int8", int16(1), "1"}, {"int8", int8(1), "1"}, {"int8", 1, "1"},
	{"int8", uint32(1), "1"}, {"int8", uint16(1), "1"}, {"int8", uint8(1), "1"}, {"int8", uint(1), "1"},
	{"oid", int64(4294967295), "4294967295"},
	{"float4", int64(16777217), "1.6777216e+07"},
	{"float4", 0.1, "0.1"},
	{"float4", float32(0.1), "0.1"},
	{"float4", math.NaN(), "NaN"},
	{"float8", float32(0.1), "0.1"},
	{"float8", math.Inf(-1), "-Infinity"},
	{"float8", float32(math.Inf(1)), "Infinity"},
	{"float8", int64(math.MaxInt64), "9.223372036854776e+18"},
	{"float8", json.Number("1e-5"), "1e-05"},
	{"numeric", int64(math.MinInt64), "-9223372036854775808"},
	{"numeric", uint64(math.MaxUint64), "18446744073709551615"},
	{"numeric", 0.1, "0.1"},
	{"numeric", float32(0.1), "0.1"},
	{"numeric", 1e23, "100000000000000000000000"},
	{"numeric", -1.5e-7, "-0.00000015"},
	{"numeric", 123.456, "123.456"},
	{"numeric", math.Copysign(0, -1), "0"},
	{"numeric", math.NaN(), "NaN"},
	{"numeric", math.Inf(1), "Infinity"},
	{"numeric", json.Number("123456789012345678901234567890.123456789"), "123456789012345678901234567890.123456789"},
	{"numeric", json.Number("1E+2"), "100"},
	{"numeric(12,2)", 1.005, "1.01"}, // the decimal 1.005, not the double below it
	{"numeric(12,2)", math.NaN(), "NaN"},
	{"bool", true, "true"}, {"bool", false, "false"}, {"bool", int64(1), "true"}, {"bool", 0.0, "false"}, {"bool", json.Number("1"), "true"},
	{"text", int64(-5), "-5"}, {"text", true, "true"}, {"text", 1234567.0, "1234567"}, {"text", 0.1, "0.1"}, {"text", 1e21, "1e+21"}, {"text", 1e-7, "1e-07"},
	{"text", math.NaN(), "NaN"}, {"text", math.Inf(-1), "-Infinity"}, {"text", json.Number("1.50"), "1.50"},
	{"text", time.Date(2024, 2, 29, 1, 2, 3, 4000, time.FixedZone("", 7200)), "2024-02-29T01:02:03.000004+02:00"},
	{"text", object{"b": list{int64(1), "x"}, "a": nil}, `{"a":null,"b":[1,"x"]}`},
	{"text", list{}, "[]"}, {"text", []byte("bytes"), "bytes"},
	{"varchar(4)", int64(1234), "1234"}, {"varchar(4)", true, "true"}, {"char(6)", false, "false"}, {"citext", 1.5, "1.5"}, {"name", int64(1), "1"}, {`"char"`, int64(7), "7"}, {`"char"`, json.Number("7"), "7"},
	{"bytea", []byte{0, 1, 255, '\\'}, `\x0001ff5c`}, {"bytea", []byte(`\x41`), `\x5c783431`}, {"bytea", []byte{}, `\x`},
	{"uuid", []byte("0123456789abcdef"), "30313233-3435-3637-3839-616263646566"},
	{"date", time.Date(2024, 2, 29, 23, 0, 0, 0, time.FixedZone("", -3600)), "2024-02-29"},
	{"date", time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), "0044-03-15 BC"},
	{"date", int64(-1), "1969-12-31"}, {"date", 86400.5, "1970-01-02"}, {"date", json.Number("1709164800.25"), "2024-02-29"}, {"date", math.Inf(1), "infinity"}, {"date", math.Inf(-1), "-infinity"},
	{"time", time.Date(2024, 2, 29, 23, 1, 2, 3456789, time.FixedZone("", -3600)), "23:01:02.003457"},
	{"time", int64(3661), "01:01:01"}, {"time", int64(1700000000), "22:13:20"}, {"time", -0.5, "23:59:59.5"}, {"time", json.Number("0.25"), "00:00:00.25"},
	{"timetz", time.Date(2024, 2, 29, 23, 1, 2, 0, time.FixedZone("", -5400)), "23:01:02-01:30"}, {"timetz", int64(60), "00:01:00+00"},
	{"timestamp", time.Date(2024, 2, 29, 23, 1, 2, 0, time.FixedZone("", -5400)), "2024-02-29 23:01:02"},
	{"timestamp", int64(0), "1970-01-01 00:00:00"}, {"timestamp", 1.25, "1970-01-01 00:00:01.25"},
	{"timestamptz", time.Date(2024, 2, 29, 23, 1, 2, 500, time.FixedZone("", -5400)), "2024-03-01 00:31:02+00"},
	{"timestamptz", time.Date(2024, 2, 29, 23, 1, 2, 999999999, time.UTC), "2024-02-29 23:01:03+00"},
	{"timestamptz", time.Date(2024, 2, 29, 23, 1, 2, 1500, time.UTC), "2024-02-29 23:01:02.000002+00"},
	{"timestamptz", time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC), "4713-01-01 00:00:00+00 BC"},
	{"timestamptz", int64(1700000000), "2023-11-14 22:13:20+00"}, {"timestamptz", -1.5, "1969-12-31 23:59:58.5+00"}, {"timestamptz", 1700000000.123456, "2023-11-14 22:13:20.123456+00"},
	{"timestamptz", json.Number("1700000000.1234567"), "2023-11-14 22:13:20.123457+00"}, {"timestamptz", json.Number("1.7e9"), "2023-11-14 22:13:20+00"}, {"timestamptz", json.Number("-0.0000004"), "1970-01-01 00:00:00+00"},
	{"timestamptz", json.Number("-1e-6"), "1969-12-31 23:59:59.999999+00"}, {"timestamptz", json.Number("0.9999999"), "1970-01-01 00:00:01+00"}, {"timestamptz", math.Inf(1), "infinity"},
	{"interval", int64(90061), "25:01:01"}, {"interval", -1.5, "-00:00:01.5"}, {"interval", json.Number("0.000001"), "00:00:00.000001"}, {"interval day to second", int64(60), "00:01:00"},
	{"json", object{"b": 1.5, "a": list{}}, `{"a":[],"b":1.5}`}, {"json", json.Number("1.50"), "1.50"}, {"json", true, "true"}, {"json", time.Unix(0, 0).UTC(), `"1970-01-01T00:00:00Z"`},
	{"jsonb", object{"s": "a\"\\\n\r\t\b\u2028é", "n": json.Number("1e5"), "i": int64(1), "o": object{}, "b": []byte("x"), "f": float32(0.1), "u": uint64(math.MaxUint64), "k\"": nil, "i32": int32(3), "int": 4},
		`{"b": "x", "f": 0.1, "i": 1, "n": 100000, "o": {}, "s": "a\"\\\n\r\t\b` + "\u2028" + `é", "u": 18446744073709551615, "k\"": null, "i32": 3, "int": 4}`},
	{"jsonb", list{"a", nil, true, int64(1), list{}}, `["a", null, true, 1, []]`}, {"jsonb", int64(5), "5"}, {"jsonb", 1e300, "1" + fmt.Sprintf("%0300d", 0)}, {"jsonb", []byte(`{"a":1}`), `{"a": 1}`},
	{"bit", true, "1"}, {"bit(1)", int64(0), "0"}, {"varbit", 1.0, "1"}, {"bit", json.Number("1"), "1"},
	{"int4[]", list{}, "{}"}, {"int4[]", list{int64(1), nil, "3", 4.0}, "{1,NULL,3,4}"}, {"int4[]", list{list{int64(1)}, list{nil}}, "{{1},{NULL}}"}, {"text[]", list{"a,b", int64(1), `q"`, "NULL", nil}, `{"a,b",1,"q\"","NULL",NULL}`},
	{"text[]", list{object{"a": int64(1)}}, `{"{\"a\":1}"}`}, {"numeric(6,2)[]", list{1.005}, "{1.01}"}, {"timestamptz[]", list{int64(0), time.Unix(1, 0)}, `{"1970-01-01 00:00:00+00","1970-01-01 00:00:01+00"}`},
	{"bytea[]", list{[]byte{1}, nil}, `{"\\x01",NULL}`}, {"jsonb[]", list{list{int64(1), int64(2)}, object{}, `"x"`}, `{"[1, 2]","{}","\"x\""}`}, {"mood[]", list{"ok"}, "{ok}"}, {"price[]", list{1.5}, "{1.50}"},
	{"pair", object{"id": int64(1), "Name": "x y", "at": int64(0), "tags": list{"a", nil}, "p": "1.5"}, `(1,"x y","1970-01-01 00:00:00+00","{a,NULL}",1.50)`}, {"pair", object{}, "(,,,,)"},
	{"pair", list{int64(1), nil, nil, nil, 2.0}, "(1,,,,2.00)"}, {"pair[]", list{list{int64(1), nil, nil, nil, nil}, nil, object{"id": "2"}}, `{"(1,,,,)",NULL,"(2,,,,)"}`},
	{"int4range[]", list{"[1,2)", nil}, `{"[1,2)",NULL}`},
	{"timestamptz[]", list{"5 January 2024 04:05 PM", int64(0)}, `{"2024-01-05 16:05:00+00","1970-01-01 00:00:00+00"}`}, {"place", object{"at": int64(5)}, `(,,"1970-01-01 00:00:05+00",,,,)`},
	{"price", 12.345, "12.35"}, {"word", int64(5), "5"},
	{"money", int64(5), "$5.00"}, {"money", json.Number("-5"), "-$5.00"}, {"money", 5.0, "$5.00"},
	{"hstore", object{"a": int64(1), "b\"": nil, "c": "x\\y", "d": list{true}}, `"a"=>"1", "c"=>"x\\y", "d"=>"[true]", "b\""=>NULL`},
	{"box[]", list{"(1,2),(3,4)", nil}, "{(3,4),(1,2);NULL}"}, {"tsvector[]", list{list{"a"}, list{"b c"}}, `{{'a'},{"'b' 'c'"}}`}, {"hstore[]", list{object{"a": "b"}, "c=>d"}, `{"\"a\"=>\"b\"","\"c\"=>\"d\""}`},
	{"place", object{"id": int64(1), "spot": "(2,3)", "at": time.Unix(0, 0).UTC(), "bonus": int64(5), "doc": object{"a": "x\"y"}, "raw": []byte{0, 255}, "tags": list{int64(1), int64(2)}}, `(1,"(2,3)","1970-01-01 00:00:00+00",$5.00,"{""a"": ""x\\""y""}","\\x00ff","{1,2}")`},
	{"place[]", list{list{int64(1), nil, nil, nil, list{int64(1)}, nil, nil}, nil}, `{"(1,,,,[1],,)",NULL}`},
	{"xml", int64(1), "1"}, {"ltree", "a.b", "a.b"}, {"pg_lsn", []byte("0/1"), "0/1"},
}

func TestAValueLandsAsWhatItPlainlyIs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	for _, l := range landings {
		if s.lacks(l.typ, l.v) {
			continue
		}
		got, err := s.land(l.typ, l.v)
		require.NoError(t, err, "%s: %v", l.typ, l.v)
		require.Equal(t, l.want, got, "%s: %v", l.typ, l.v)
	}
}
