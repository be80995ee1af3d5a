package pgvalue

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The law of these targets: what Append accepts, PostgreSQL reads as the same
// value from the same text. What the server itself then refuses (a range whose
// bounds are crossed, say), it must refuse in both forms.

// fuzzed is a type under test with a query by which the server reads it.
type fuzzed struct {
	*Column
	s     *server
	query string
}

func (s *server) fuzzed(types ...string) []fuzzed {
	var all []fuzzed
	for i, typ := range types {
		if s.lacks(typ, "") {
			continue
		}
		name := fmt.Sprintf("fuzzed%d", i)
		column := s.table(name, typ)
		require.False(s.tb, column.Text, "the server reads the text of %s by itself", typ)
		query := "select $1::" + column.Type + "::text"
		if strings.ContainsAny(typ, " (") { // a cast bends to a modifier what a column refuses
			query = "insert into " + name + " values ($1) returning v::text"
		}
		all = append(all, fuzzed{Column: column, s: s, query: query})
	}
	return all
}

// read returns what the server makes of one parameter.
func (f *fuzzed) read(param []byte, format int16) (string, error) {
	result := f.s.conn.PgConn().ExecParams(context.Background(), f.query, [][]byte{param}, []uint32{f.OID}, []int16{format}, []int16{0}).Read()
	if result.Err != nil {
		return "", result.Err
	}
	return string(result.Rows[0][0]), nil
}

// check puts the law to one text.
func (f *fuzzed) check(t *testing.T, text string) {
	before := []byte("before")
	field, err := f.Append(before, text)
	if err != nil {
		require.IsType(t, &ValueError{}, err)
		require.Equal(t, "before", string(field))
		return
	}
	require.Equal(t, "before", string(field[:6]))
	value := field[10:]
	require.Equal(t, len(value), int(binary.BigEndian.Uint32(field[6:])))
	got, gotErr := f.read(value, 1)
	requireSound(t, gotErr, "%s: %q", f.Type, text)
	want, wantErr := f.read([]byte(text), 0)
	if wantErr != nil {
		require.NotNil(t, refusal(wantErr), "%v", wantErr)
		require.Error(t, gotErr, "%s takes %q as %s; the server refuses it: %v", f.Type, text, got, wantErr)
		return
	}
	require.NoError(t, gotErr, "%s: %q is %s to the server", f.Type, text, want)
	require.Equal(t, want, got, "%s: %q", f.Type, text)
}

// requireSound fails if the server could not make sense of the bytes themselves.
func requireSound(t *testing.T, err error, msg ...any) {
	if err == nil {
		return
	}
	refused := refusal(err)
	require.NotNil(t, refused, msg...)
	require.NotContains(t, []string{"22P03", "08P01", "22021"}, refused.Code, msg...)
	require.NotEqual(t, "XX", refused.Code[:2], msg...)
}

// fuzz runs a target over the texts of a family of types; the first seeds are the
// readings that the round trip tests.
func fuzz(f *testing.F, family string) {
	types := families[family]
	s := newServer(f)
	s.exec(schema)
	all := s.fuzzed(types...)
	known := map[string]uint8{}
	for i, typ := range types { // on an old server some of these stand for a neighbour
		known[typ] = uint8(i)
	}
	for _, r := range readings {
		if i, ok := known[r.typ]; ok {
			for _, text := range r.texts {
				f.Add(i, text)
			}
		}
	}
	for i, text := range suspects {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		all[int(i)%len(all)].check(t, text)
	})
}

// suspects are texts that are easily read otherwise than PostgreSQL does.
var suspects = []string{
	"", " ", "null", "0x1F", "1_000", "1e5", "--1", "+-1", "1.", ".", "e5", "1e", "1e+", "٣", "1 2", "\u00a01", "0b1", "1e2147483647", "1e-2147483648", "-NaN", "+nan", "infinit", "0x1p3",
	"now", "today", "epoch", "allballs", "Jan 5 2024", "5/1/2024", "01-02-03", "2024-13-01", "2024-02-30", "0000-01-01", "2024-01-01 25:00", "2024-01-01 24:00:01", "2024-01-01 12:60", "2024-01-01 12:00:61",
	"2024-01-01 12:00 EST", "2024-01-01 12:00 Europe/Paris", "2024-01-01T12:00:00,5Z", "2024.01.01", "2024-001", "2024-W01-1", "J2451187", "1700000000", "20240101", "20240101120000", "2024-01-01 12", "12 PM", "12:00 PM", "2024-01-01 12:00:00.", "2024-01-01T", "2024-01-01Z", "2024-01-01+02",
	"2024-01-01 12:00:00+16", "2024-01-01 12:00:00-00:60", "2024-01-01 12:00:00+2", "2024-01-01 12:00:00+123", "2024-01-01 12:00:00 BC", "2024-01-01 BC 12:00", "294277-01-01", "4714-11-23 BC", "5874898-01-01", "2024-01-01  12:00:00", "2024-01-01\t12:00:00", "12:00:00-", "1:2:3",
	"2023-02-28", "2023-02-29", "1900-02-29", "2000-02-29", "2024-04-31", "2024-12-32", "2024-00-01", "20240101T1200", "20240101T12000x", "20240101T1200001",
	"2024-01-01 00:00:60", "2024-01-01T12:00:00Z Z", "2024-01-01 12:00:00 +02 BC", "+infinity", "- infinity", "2024-01-01 UTC", "12:34:56.9999995", "12:34:56.0000005", "12:34:56.0000015",
	"1 month 1 month", "1.5 months", "1.5 years", "P", "PT", "P1", "P1H", "p1d", "P1D1Y", "P1DT", "P1.5Y", "P0001-02-03T04:05:06", "-P1D", "1 fortnight", "1 day 2", "1 2", "12:34:56 1 day", "1-12", "1-2-3", "- 1 day", "1 day ago ago", "ago", "@", "1s 1ms", "1 sec 1.5 ms", "00:00:60", "00:60", "1:2", "--1 day", "1 d 1 w", "1day", "1 day, 2 hours", "infinity", "2147483648 days", "-2147483648 days", "-2147483648 days ago", "9223372036854775807 us", "1.5 ms", "1.0005 ms", "1.5 us", "0.0000005 seconds", "0.1234565 seconds", "1:00:00 ago", "1e3 seconds", "1. day", ".5 day", "-.5 day", "1 MON", "-0-1", "1-0", "00:00:00.0000005", "2 millennium ago", "1.5 weeks 1 day", "-1.5 days", "-0.5 hours",
	`{"a":"\u0000"}`, `"\ud800"`, `"\udc00\ud800"`, `"\ud800x"`, `"\ud800\n"`, `1e131072`, `1e-16384`, `{"a":1e400000}`, `01`, `"a`, `{a:1}`, `[1,]`, `nul`, `"\x41"`, "\"\t\"", `-`, `1.e5`, `"\u00e9"`, `"\U0041"`, "{} {}", "\"\x7f\"", "\ufeff{}",
	"1.2.3", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/+1", "1.2.3.4/01", "1.2.3.4/", "10/8", "10.1", "1.2.3.4/8", "::/129", "fe80::1%eth0", " 1.2.3.4", "1.2.3.256", "1::2::3", ":::", "::1.2.3.4", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:8:9", "::ffff:01.2.3.4", "2001:db8::1/32",
	"8:0:2b:1:2:3", "08:00:2b:01:02", "08:00:2b-01:02:03", "08002b:0102:03", "08002b0102030405060708", "08.00.2b.01.02.03", "08:00:2b:01:02:03:", "08:002b:01:02:03", "08 00 2b 01 02 03",
	"{", "}", "{}}", "{1,}", "{,1}", "{1 2}", "{{}}", "{{},{}}", "{{1},{2,3}}", "{1,{2}}", "{{1},2}", "{\"1\" 2}", "{1\"2\"}", `{\1}`, `{"a\"}`, "{NULL", "{nUlL}", `{"NULL"}`, "[1:2]={1}", "[2:1]={}", "[0:0]={}", "[1:1] = {1}", "[ 1:1]={1}", "[a:b]={1}", "[2147483647:2147483647]={1}", "[2147483646:2147483646]={1}", "{{{{{{{1}}}}}}}", "{{{{{{1}}}}}}", "{1}x", "1", "{1;2}", "[-2147483648:-2147483648]={1}", "[1:2][1:1]={{1},{2}}", "[+1:+1]={1}", "{\v1}", "{a\u00a0}",
	"[1,2", "[1,2,3]", "(1)", "[,]", "emptyx", "[2,1]", "[1,1)", "(1,1)", `["1,2)`, `[1"0",20)`, "[1,2) x", "[ ,2)", "[1,\" \")", `[\1,2)`, "[]", "[1,2147483647]", "{[1,2)", "{[1,2),}", "{,}", "{[1,2)[3,4)}", "{} x", "{empty,empty}", "{ [1,2) , }",
	"()", "(1)", "(1,2,3)", "(1,2,3,4,5", "(1,2,3,4,5)x", "(1,a,2024-01-01,{},1,)", `(1,"a"b"c",,,)`, `(1,\,,,,)`, "(1,a\"\",,,)", "( 1,x,,,)", "(,,,,-1)",
	"a\x00b", "\xff", "\xed\xa0\x80", "tru e", "o", "TRUE!", "2", "t\x00", "abcd", "abc d", "😀😀😀😀", `\x1`, `\xzz`, `\1`, `\400`, `\377`, `\`, `\\x41`, `\X41`, `\x 1 2`, "\\x\v41", `\x4 1`, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 ", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-", "{}", "a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "B", "x", "b2", "1x", "x1G", "bb1",
	"32768", "-32769", "2147483648", "4294967296", "-1", "9223372036854775808", "-9223372036854775809", "99999999999999999999999999", "1e400", "1e-400", "3.5e38", "1e-46", "1e39", "999.5", "9999999999.995", "0.0009995", "99500", "0.00099950000",
}

// families are the types that a target takes turns with.
var families = map[string][]string{
	"numbers":  {"int2", "int4", "int8", "float4", "float8", "numeric", "numeric(12,2)", "numeric(3,0)", "numeric(2,-3)", "numeric(2,5)", "price", "bool"},
	"texts":    {"text", "varchar(3)", "char(4)", "name", "citext", "bytea", "uuid", "mood", "word"},
	"moments":  {"date", "time", "timetz", "timestamp", "timestamptz", "time(2)", "timestamptz(0)", "timestamp(3)"},
	"json":     {"json", "jsonb"},
	"networks": {"inet", "cidr"},
	"arrays":   {"int4[]", "text[]", "numeric[]", "timestamptz[]", "jsonb[]", "mood[]", "bool[]", "pair", "pair[]"},
}

func TestAmbiguousTextsAreReadAsByPostgreSQL(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	for _, types := range families {
		for _, f := range s.fuzzed(types...) {
			for _, text := range suspects {
				f.check(t, text)
			}
		}
	}
}

// FuzzValues decodes JSON and gives it to every type. Into jsonb it
// must land as its text does; a number into a numeric too.
func FuzzValues(f *testing.F) {
	s := newServer(f)
	s.exec(schema)
	var types []string
	for _, family := range slices.Sorted(maps.Keys(families)) {
		types = append(types, families[family]...)
	}
	all := s.fuzzed(types...)
	for i, l := range landings {
		if text, err := json.Marshal(l.v); err == nil {
			f.Add(uint8(i), text)
			f.Add(uint8(slices.Index(types, l.typ)), text)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, text []byte) {
		target := &all[int(i)%len(all)]
		for _, exact := range []bool{true, false} {
			decoder := json.NewDecoder(bytes.NewReader(text))
			if exact {
				decoder.UseNumber()
			}
			var v any
			if decoder.Decode(&v) != nil || v == nil || decoder.More() {
				return
			}
			field, err := target.Append(nil, v)
			if err != nil {
				require.IsType(t, &ValueError{}, err)
				continue
			}
			got, err := target.read(field[4:], 1)
			requireSound(t, err, "%s: %s", target.Type, text)
			_, number := v.(json.Number)
			if _, scalar := v.(string); scalar || !exact || !(target.Type == "jsonb" || number && target.Type == "numeric") {
				continue
			}
			if _, err := target.Append(nil, text); err != nil {
				continue // JSON that Go repairs, and jsonb does not
			}
			want, wantErr := target.read(text, 0)
			require.NoError(t, err)
			require.NoError(t, wantErr)
			require.Equal(t, want, got, "%s: %s", target.Type, text)
		}
	})
}

func FuzzNumbers(f *testing.F)  { fuzz(f, "numbers") }
func FuzzTexts(f *testing.F)    { fuzz(f, "texts") }
func FuzzMoments(f *testing.F)  { fuzz(f, "moments") }
func FuzzJSON(f *testing.F)     { fuzz(f, "json") }
func FuzzNetworks(f *testing.F) { fuzz(f, "networks") }
func FuzzArrays(f *testing.F)   { fuzz(f, "arrays") }
