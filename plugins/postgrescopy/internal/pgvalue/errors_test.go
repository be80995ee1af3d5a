package pgvalue

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refusals are values that do not fit, and why.
var refusals = []struct {
	typ    string
	v      any
	reason string
}{
	{"int2", "32768", "out of range -32768 to 32767"},
	{"int4", int64(1 << 31), "out of range -2147483648 to 2147483647"},
	{"int4", "", "it is empty: to store NULL, make it null, as null_values of csv_watch does"},
	{"int4", "42.0", "not an integer"},
	{"int4", "0x2A", "invalid input syntax for type integer"},
	{"int4", "1_000", "invalid input syntax for type integer"},
	{"int4", "abc", "not an integer"},
	{"int4", 1.5, "not an integer"},
	{"int4", math.NaN(), "not an integer"},
	{"int4", math.Inf(1), "out of range -2147483648 to 2147483647"},
	{"int4", 1e300, "out of range -2147483648 to 2147483647"},
	{"int4", json.Number("1.5"), "not an integer"},
	{"int4", json.Number("1e400"), "out of range -2147483648 to 2147483647"},
	{"int4", json.Number("12345678901234567890.5"), "not an integer"},
	{"int4", json.Number("abc"), "not a number"},
	{"int4", true, "a boolean does not fit this type"},
	{"int4", time.Unix(0, 0).UTC(), "a timestamp does not fit this type"},
	{"int4", object{"a": 1}, "an object does not fit this type"},
	{"int4", list{1}, "an array does not fit this type"},
	{"int8", "9223372036854775808", "out of range -9223372036854775808 to 9223372036854775807"},
	{"int8", uint64(math.MaxUint64), "out of range -9223372036854775808 to 9223372036854775807"},
	{"int8", 9223372036854775808.0, "out of range -9223372036854775808 to 9223372036854775807"},
	{"int8", struct{}{}, "a Go value of type struct {} is not known here"},
	{"float4", 1e39, "out of range of a 4-byte float"},
	{"float4", "1e-46", "out of range of a 4-byte float"},
	{"float8", "1e400", "out of range of an 8-byte float"},
	{"float8", "1e-400", "out of range of an 8-byte float"},
	{"float8", "0x1p3", "not a number"},
	{"numeric", "abc", "not a number"},
	{"numeric", "-NaN", "not a number"},
	{"numeric", "1e-16384", "more than 16383 digits after the decimal point"},
	{"numeric", "1e131072", "more than 131072 digits before the decimal point"},
	{"numeric", "1e9999999999", "its exponent is out of range"},
	{"numeric", true, "a boolean does not fit this type"},
	{"numeric(12,2)", "abc", "not a number"},
	{"numeric(12,2)", "9999999999.995", "it must round to less than 10^10 in absolute value"},
	{"numeric(12,2)", "-1e10", "it must round to less than 10^10 in absolute value"},
	{"numeric(12,2)", "Infinity", "a numeric of precision 12 and scale 2 cannot be infinite"},
	{"numeric(12,2)", math.Inf(-1), "a numeric of precision 12 and scale 2 cannot be infinite"},
	{"numeric(2,-3)", "99500", "it must round to less than 10^5 in absolute value"},
	{"numeric(2,5)", "0.001", "it must round to less than 10^-3 in absolute value"},
	{"bool", "maybe", "not a boolean; PostgreSQL takes true, false, yes, no, on, off, 1, 0 and their unique prefixes"},
	{"bool", "o", "not a boolean; PostgreSQL takes true, false, yes, no, on, off, 1, 0 and their unique prefixes"},
	{"bool", int64(2), "not a boolean; PostgreSQL takes true, false, yes, no, on, off, 1, 0 and their unique prefixes"},
	{"bool", math.NaN(), "not a boolean; PostgreSQL takes true, false, yes, no, on, off, 1, 0 and their unique prefixes"},
	{"text", "a\x00b", "it holds a NUL byte, which PostgreSQL cannot store in text"},
	{"text", "a\xffb", "not valid UTF-8"},
	{"text", []byte{0xff}, "not valid UTF-8"},
	{"text", object{"a": "\xff"}, "not valid UTF-8"},
	{"text", object{"a": "x\x00"}, "it holds a NUL byte, which PostgreSQL cannot store in text"},
	{"varchar(3)", "abcd", "it has 4 characters, more than 3"},
	{"varchar(3)", "äöüß", "it has 4 characters, more than 3"},
	{"varchar(3)", "abc d", "it has 5 characters, more than 3"},
	{"varchar(3)", int64(1234), "it has 4 characters, more than 3"},
	{"varchar(3)", list{int64(1), int64(2)}, "it has 5 characters, more than 3"},
	{"char(1)", "ab", "it has 2 characters, more than 1"},
	{"name", strings.Repeat("x", 64), "longer than 63 bytes"},
	{"bytea", `\x1`, `not bytea: after a backslash PostgreSQL takes another one or three octal digits, and after \x at the start an even number of hex digits`},
	{"bytea", `a\b`, `not bytea: after a backslash PostgreSQL takes another one or three octal digits, and after \x at the start an even number of hex digits`},
	{"bytea", "\xff", "not valid UTF-8"},
	{"uuid", "a0eebc99", "not a UUID"},
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "not a UUID"},
	{"uuid", " ", "it is empty: to store NULL, make it null, as null_values of csv_watch does"},
	{"uuid", int64(1), "a number does not fit this type"},
	{"date", "yesterday", "a word whose meaning depends on the day of writing is not taken"},
	{"date", "2024-02-30", "date/time field value out of range"},
	{"date", "0000-01-01", "date/time field value out of range"},
	{"date", "12:00", "it has no date"},
	{"date", "", "it is empty: to store NULL, make it null, as null_values of csv_watch does"},
	{"date", "02.01.2026", dayOrMonthFirst},
	{"date", "13/13/2024", dayOrMonthFirst},
	{"date", "45292", "digits in a string are no timestamp; give Unix seconds as a number"},
	{"timestamptz", "soon\x00", "it holds a NUL byte, which PostgreSQL cannot store in text"},
	{"timestamptz", "Tomorrow 10:00", "a word whose meaning depends on the day of writing is not taken"},
	{"timestamptz", "2024-01-01 12:00 Europe/Nowhere", `time zone "europe/nowhere" not recognized`},
	{"timestamptz[]", list{int64(0), "2024-13-01"}, `date/time field value out of range: "2024-13-01" (hint: Perhaps you need a different "datestyle" setting.)`},
	{"price[]", "{1,-1}", `value for domain price violates check constraint "price_check"`},
	{"date", "5874898-01-01", "date out of range"},
	{"date", math.NaN(), "not a number"},
	{"date", 1e300, "out of range"},
	{"date", json.Number("1e300"), "out of range"},
	{"timestamptz", "now", "a word whose meaning depends on the day of writing is not taken"},
	{"timestamptz", "1700000000", "digits in a string are no timestamp; give Unix seconds as a number"},
	{"timestamptz", "2024-01-01 12:00:00+16", "time zone displacement out of range"},
	{"timestamptz", "2024-01-01 25:00", "date/time field value out of range"},
	{"timestamptz", "2024-01-01 24:00:00.1", "date/time field value out of range"},
	{"timestamptz", "294277-01-01", "timestamp out of range"},
	{"timestamptz", int64(math.MaxInt64), "outside the years that PostgreSQL's timestamps span, 4713 BC to 294276"},
	{"timestamptz", int64(math.MinInt64), "outside the years that PostgreSQL's timestamps span, 4713 BC to 294276"},
	{"timestamptz", time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC), "outside the years that PostgreSQL's timestamps span, 4713 BC to 294276"},
	{"timestamptz", true, "a boolean does not fit this type"},
	{"time", "2024-01-01", "it has no time of day"},
	{"time", "infinity", "invalid input syntax for type time"},
	{"time", math.Inf(1), "it has no time of day"},
	{"time", "2024-01-01T12:00:00Z", "invalid input syntax for type time"},
	{"timetz", time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("", 17*3600)), "there is no such time zone offset"},
	{"interval", "soon", `invalid input syntax for type interval: "soon"`},
	{"interval", "3000000000 days", `interval field value out of range: "3000000000 days"`},
	{"interval", int64(math.MaxInt64), `interval field value out of range: "9223372036854775807 seconds"`},
	{"interval", math.NaN(), "not a number"},
	{"interval year to month", "10", "the column keeps only some fields of an interval, so each number must name its unit"},
	{"interval minute to second", "1:30", "the column keeps only some fields of an interval, so each number must name its unit"},
	{"interval", time.Unix(0, 0), "a timestamp does not fit this type"},
	{"json", "hello", "not valid JSON; to store it as a JSON string give it as JSON text, with .format_json() in Bloblang"},
	{"json", math.NaN(), "JSON has no NaN and no infinity"},
	{"jsonb", `{"a":"\u0000"}`, "unsupported Unicode escape sequence"},
	{"jsonb", `"\ud800"`, "invalid input syntax for type json"},
	{"jsonb", `{"a":1e131072}`, "value overflows numeric format"},
	{"jsonb", object{"a": json.Number("1e999999")}, "value overflows numeric format"},
	{"jsonb", object{"a": json.Number("01")}, "not a number"},
	{"jsonb", object{"a\xff": 1}, "not valid UTF-8"},
	{"jsonb", object{"a": struct{}{}}, "a Go value of type struct {} is not known here"},
	{"inet", "1.2.3", "invalid input syntax for type inet"},
	{"inet", "fe80::1%eth0", "invalid input syntax for type inet"},
	{"inet", "1.2.3.4/33", "invalid input syntax for type inet"},
	{"cidr", "1.2.3.4/8", "invalid cidr value"},
	{"macaddr", "08:00:2b:01:02", `invalid input syntax for type macaddr: "08:00:2b:01:02"`},
	{"macaddr", "08:00:2b:01:02:03:04:05", `invalid input syntax for type macaddr: "08:00:2b:01:02:03:04:05"`},
	{"bit(3)", "1010", "bit string length 4 does not match type bit(3)"},
	{"bit(3)", true, "bit string length 1 does not match type bit(3)"},
	{"varbit(3)", "1010", "bit string too long for type bit varying(3)"},
	{"bit", "2", `"2" is not a valid binary digit`},
	{"bit", int64(2), `"2" is not a valid binary digit`},
	{"mood", "sadder", "not one of the enum's labels"},
	{"mood", int64(1), "a number does not fit this type"},
	{"mood[]", list{"ok", "no"}, "item 2: not one of the enum's labels"},
	{"int4[]", list{int64(1), "x"}, "item 2: not an integer"},
	{"int4[]", list{list{int64(1)}, list{int64(1), int64(2)}}, "nested arrays must all have the same length and depth"},
	{"int4[]", list{list{int64(1)}, int64(2)}, "nested arrays must all have the same length and depth"},
	{"int4[]", list{int64(1), list{int64(2)}}, "nested arrays must all have the same length and depth"},
	{"int4[]", list{list{int64(1)}, nil}, "nested arrays must all have the same length and depth"},
	{"int4[]", list{list{}}, "an array within an array must not be empty"},
	{"int4[]", list{list{list{list{list{list{list{int64(1)}}}}}}}, "arrays are nested more than 6 deep"},
	{"int4[]", "1,2", "not an array; PostgreSQL writes them as {1,2,NULL}"},
	{"int4[]", "[1:3]={1,2}", "malformed array literal"},
	{"int4[]", int64(1), "a number does not fit this type"},
	{"int4range", "1-2", `malformed range literal: "1-2"`},
	{"int4range", "[a,2]", `invalid input syntax for type integer: "a"`},
	{"int4multirange", "[1,2)", `malformed multirange literal: "[1,2)"`},
	{"int4multirange", list{nil}, "an array does not fit this type"},
	{"pair", "(1,2)", "malformed record literal"},
	{"pair", "1", "not a row; PostgreSQL writes them as (1,two,\"3, quoted\")"},
	{"pair", object{"name": "x"}, `the type has no field "name"`},
	{"pair", object{"at": "x"}, `field "at": not a date or time that is read here`},
	{"pair", list{int64(1)}, "1 items where the type has 5 fields"},
	{"price", "abc", "not a number"},
	{"word", "toolong", "it has 7 characters, more than 5"},
	{"money", 1.5, "the server's locale decides how it reads a fraction of money; give it as text in that form"},
	{"money", json.Number("1.0"), "the server's locale decides how it reads a fraction of money; give it as text in that form"},
	{"point", "a\x00", "it holds a NUL byte, which PostgreSQL cannot store in text"},
	{"point", object{"x": 1}, "an object does not fit this type"},
	{"tsvector", list{"a"}, "an array does not fit this type"},
	{"lsnrange", object{"lower": 1}, "an object does not fit this type"},
	{"place", object{"doc": "{}", "raw": "x", "at": true, "tags": true}, `field "tags": a boolean does not fit this type`},
	{"box[]", 1.5, "a number does not fit this type"},
	{"box[]", json.Number("1"), "a number does not fit this type"},
	{"box[]", list{list{}}, "item 1: an array within an array must not be empty"},
	{"box[]", int64(1), "a number does not fit this type"},
	{"box[]", true, "a boolean does not fit this type"},
	{"box[]", time.Unix(0, 0).UTC(), "a timestamp does not fit this type"},
	{"place", object{"spot": "\xff"}, `field "spot": not valid UTF-8`},
	{"place", object{"x": int64(5)}, `the type has no field "x"`},
	{"place", list{}, "0 items where the type has 7 fields"},
	{"hstore", object{"a\xff": nil}, "not valid UTF-8"},
	{"hstore", object{"a": "\xff"}, `field "a": not valid UTF-8`},
}

func TestAValueThatDoesNotFitHasAReason(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	for _, r := range refusals {
		if s.lacks(r.typ, r.v) || s.reads(r.v) {
			continue
		}
		_, err := s.land(r.typ, r.v)
		require.Error(t, err, "%s: %v", r.typ, r.v)
		reason := strings.Replace(reasonOf(err), `different "DateStyle"`, `different "datestyle"`, 1) // as newer servers write it
		require.Equal(t, r.reason, reason, "%s: %v", r.typ, r.v)
	}
}

// reasonOf returns why a value was refused, here or by the server.
func reasonOf(err error) string {
	var refused *ValueError
	if errors.As(err, &refused) {
		return refused.Reason
	}
	if byServer := refusal(err); byServer != nil {
		return byServer.Message
	}
	return err.Error()
}

func TestARefusedValueLeavesTheBufferAsItWas(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	for _, r := range refusals {
		if s.lacks(r.typ, r.v) {
			continue
		}
		column := s.table("refused", r.typ)
		got, err := column.Append(append(make([]byte, 0, 1000), "before"...), r.v)
		if err != nil {
			require.Equal(t, "before", string(got))
		}
	}
}

func TestOldServersGetNoInfiniteNumeric(t *testing.T) {
	t.Parallel()
	types := &Types{version: 130000, byOID: map[uint32]*typeInfo{1700: {oid: 1700, name: "numeric", builtin: true, formatted: "numeric", kind: "b"}}}
	column, err := types.Column("v", 1700, -1)
	require.NoError(t, err)
	_, err = column.Append(nil, math.Inf(1))
	require.EqualError(t, err, `column "v" numeric: cannot take Infinity: numeric takes infinities from PostgreSQL 14 on`)
}

func TestAnErrorNamesColumnTypeAndValue(t *testing.T) {
	t.Parallel()
	column := &Column{Name: "price", Type: "numeric(12,2)", enc: newNumericEncoder(12<<16 | 2 + 4)}
	for _, c := range []struct {
		v    any
		want string
	}{
		{"abc", `column "price" numeric(12,2): cannot take "abc": not a number`},
		{[]byte("a\nb"), `column "price" numeric(12,2): cannot take "a\nb": not a number`},
		{strings.Repeat("x", 64), `column "price" numeric(12,2): cannot take "` + strings.Repeat("x", 64) + `": not a number`},
		{strings.Repeat("x", 65), `column "price" numeric(12,2): cannot take "` + strings.Repeat("x", 64) + `"…: not a number`},
		{[]byte(strings.Repeat("é", 1000)), `column "price" numeric(12,2): cannot take "` + strings.Repeat("é", 32) + `"…: not a number`},
		{"x" + strings.Repeat("é", 1000), `column "price" numeric(12,2): cannot take "x` + strings.Repeat("é", 31) + `"…: not a number`},
		{strings.Repeat("\xff", 1000), `column "price" numeric(12,2): cannot take "` + strings.Repeat(`\xff`, 64) + `"…: not a number`},
		{true, `column "price" numeric(12,2): cannot take true: a boolean does not fit this type`},
		{1e10, `column "price" numeric(12,2): cannot take 10000000000: it must round to less than 10^10 in absolute value`},
		{int64(1e10), `column "price" numeric(12,2): cannot take 10000000000: it must round to less than 10^10 in absolute value`},
		{json.Number("1" + strings.Repeat("0", 99)), `column "price" numeric(12,2): cannot take 1` + strings.Repeat("0", 63) + `…: it must round to less than 10^10 in absolute value`},
		{time.Unix(0, 0).UTC(), `column "price" numeric(12,2): cannot take 1970-01-01T00:00:00Z: a timestamp does not fit this type`},
		{object{"a": 1}, `column "price" numeric(12,2): cannot take an object of 1 fields: an object does not fit this type`},
		{list{1, 2}, `column "price" numeric(12,2): cannot take an array of 2 items: an array does not fit this type`},
	} {
		_, err := column.Append(nil, c.v)
		require.EqualError(t, err, c.want)
	}
}

func TestARefusalByTheCatalogueSaysSo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	stale := func(typ string, v any) bool {
		_, err := s.table("stale", typ).Append(nil, v)
		var refused *ValueError
		require.True(t, errors.As(err, &refused))
		return refused.Catalogue
	}
	require.True(t, stale("mood", "new"))
	require.True(t, stale("mood[]", list{"ok", "new"}))
	require.True(t, stale("pair", object{"new": 1}))
	require.True(t, stale("place[]", list{list{1}}))
	require.False(t, stale("int4", "x"))

	column := s.table("moods", "mood")
	s.exec("alter type mood add value 'new'")
	_, err := column.Append(nil, "new")
	require.Error(t, err, "a column keeps what it was loaded with")
	_, err = s.table("moods", "mood").Append(nil, "new")
	require.NoError(t, err)
}

func TestDeepNestingIsRefusedAndNoStackIsExhausted(t *testing.T) {
	t.Parallel()
	var v any = "x"
	for range 200_000 {
		v = list{object{"a": v}}
	}
	for _, enc := range []encoder{&jsonEncoder{}, &textEncoder{}, &arrayEncoder{element: &jsonEncoder{}, flat: true}, &arrayEncoder{element: int4Encoder}, &textFormEncoder{}, &textFormEncoder{element: &textFormEncoder{}}} {
		column := &Column{enc: enc}
		_, err := column.Append(nil, v)
		require.Error(t, err)
	}
	column := &Column{enc: &jsonEncoder{}}
	_, err := column.Append(nil, strings.Repeat("[", 1_000_000))
	require.Error(t, err)
}
