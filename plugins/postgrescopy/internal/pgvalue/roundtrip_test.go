package pgvalue

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// schema is what the tests' own types are made from.
const schema = `
create type mood as enum ('sad', 'ok', 'happy, very', 'ärger');
create domain price as numeric(12,2) check (value >= 0);
create domain word as varchar(5) not null;
create type pair as (id int8, "Name" text, at timestamptz, tags text[], p price);
create type place as (id int4, spot point, at timestamptz, bonus money, doc jsonb, raw bytea, tags int4[]);
create type textrange as range (subtype = text);
create type lsnrange as range (subtype = pg_lsn);
create domain spot as point;
create extension citext;
create extension hstore;
create extension ltree;
`

// readings are texts that must land by COPY as INSERT lands them, type by type.
var readings = []struct {
	typ   string
	texts []string
}{
	{"int2", []string{"0", "-32768", "32767", " +7 ", "\t-0\n"}},
	{"int4", []string{"42", "-2147483648", "2147483647", "007"}},
	{"int8", []string{"42", "-9223372036854775808", "9223372036854775807"}},
	{"oid", []string{"0", "4294967295", "26", "010", " +7 "}},
	{"float4", []string{"1.5", "-0", "1e-40", "3.4028235e38", "NaN", "-Infinity", "inf", "16777217", "0.1", ".5", "5."}},
	{"float8", []string{"1.5", "-0.0", "5e-324", "1.7976931348623157e308", "nan", "INFINITY", "-inf", "+Inf", " 1e3 ", "0e999", "123456789012345678901234567890"}},
	{"numeric", []string{
		"0", "-0", "0.00", "1", "-1", "9999", "10000", "100000000", "0.0001", "0.00001", "0.000100", "123456789.987654321",
		"1e0", "1e10", "1.5e3", "1.5e-3", "12345e-8", "1e-16383", "1e131071", "NaN", "nan", "Infinity", "-inf", "+infinity",
		" 3.14 ", ".5", "5.", "+5", "00012.3400", "100000.000001", "-12345678901234567890.12345678901234567890", "0e5", "0e-5", "1.50",
	}},
	{"numeric(12,2)", []string{"0", "9999999999.99", "9999999999.994999", "-9999999999.99", "1.005", "1.004", "-1.005", "NaN", "1e-300", "1e9", "12.3456"}},
	{"numeric(3,0)", []string{"999", "999.4", "-999.4999999", "0.5", "1.5", "0.4"}},
	{"numeric(2,-3)", []string{"99000", "99499", "499", "500", "12345"}},
	{"numeric(2,5)", []string{"0.00099", "0.000994", "-0.0001", "0.000001"}},
	{"bool", []string{"true", "T", "tRu", "yes", "y", "on", "1", "false", "f", "FAL", "no", "n", "off", "of", "0", " true\n"}},
	{"text", []string{"", "plain", " spaces kept ", "äöü€😀", "line\nbreak\ttab\\back", "NULL", "\u0001"}},
	{"varchar", []string{"", "any length"}},
	{"varchar(3)", []string{"", "abc", "äöü", "abc   ", "ab ", "😀😀😀  "}},
	{"char(4)", []string{"", "ab", "abcd", "abcd  ", "äöüß", " a"}},
	{"bpchar", []string{"abc  ", "x"}},
	{"citext", []string{"MiXed", ""}},
	{"name", []string{"a_name", strings.Repeat("x", 63)}},
	{`"char"`, []string{"a", "", "~"}},
	{"bytea", []string{"", "abc", `\x`, `\xDEADbeef`, `\x de ad `, `\\`, `a\\b\001c\377`, "äöü"}},
	{"uuid", []string{
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
		"a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
	}},
	{"date", []string{
		"2024-02-29", "20240229", "2024/2/9", "2024-1-2", "0001-01-01", "4714-11-24 BC", "0044-03-15 BC", "5874897-12-31", "infinity", "-infinity", "Infinity",
		"2024-02-29 23:59:59", "2024-02-29T23:59:59.9999999Z", "2024-02-29 10:00:00-11", " 1999-12-31 ", "12024-01-02", "0001-02-29 BC",
		"5 January 2021", "Jan 5 2024", "2024.01.05", "05-Jan-2021", "J2451187",
	}},
	{"time", []string{
		"00:00", "00:00:00", "23:59:59.999999", "24:00:00", "23:59:60", "12:34:56.1234565", "12:34:56.12345650000001", "12:34:56.12345650000000000001", "12:34:56.99999949999999999999", "9:05", "9:05:06.5", "12:34:56+02", "2024-01-01 12:34:56", "2024-01-01 12:34:56.5Z", "23:59:59.9999999",
		"04:05 PM", "101500", "allballs",
	}},
	{"time(2)", []string{"12:34:56.125", "12:34:56.789", "23:59:59.999"}},
	{"timetz", []string{"12:34:56+02", "12:34:56-11:30", "12:34:56", "00:00:00+15:59:59", "24:00:00Z", "2024-01-01 12:34:56.5-0330", "12:34 UTC"}},
	{"timetz(0)", []string{"12:34:56.5+02", "12:34:57.5-02"}},
	{"timestamp", []string{
		"2024-02-29 12:34:56", "2024-02-29T12:34:56.123456", "2024-02-29", "2024-02-29 12:34", "2024-02-29 12:34:56+05", "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999",
		"0001-01-01 00:00:00 BC", "infinity", "-infinity", "2024-02-29 24:00:00", "2024-12-31 23:59:60", "20240229T123456", "20240229T123456.789Z", "20240229 12:34:56",
	}},
	{"timestamp(3)", []string{"2024-02-29 12:34:56.1235", "2024-02-29 12:34:56.1245", "2024-12-31 23:59:59.9999"}},
	{"timestamptz", []string{
		"2024-02-29T12:34:56Z", "2024-02-29T12:34:56.123456789+02:00", "2024-02-29 12:34:56", "2024-02-29", "2024-02-29 12:34:56-0330", "2024-02-29 12:34:56+05:30:15", "2024-02-29 12:34:56 +02",
		"0044-03-15 12:00:00+00 BC", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "infinity", "-infinity", "1969-12-31T23:59:59.999999Z", "2024-02-29 12:34:56 UTC", "2024-02-29 12:34:56 GMT", "2024-02-29t12:34:56z",
		"1582-10-15 00:00:00+00", "0001-01-01T00:00:00Z", "2000-01-01 00:00:00-15:59:59",
		"5 January 2021 04:05 PM", "2024-07-01 12:00 Europe/Berlin", "2024-07-01 12:00:00 EST", "Tue, 05 Jan 2021 10:11:12 +0100", "epoch",
	}},
	{"timestamptz(0)", []string{"2024-02-29T12:34:56.5Z", "2024-02-29T12:34:57.5Z"}},
	{"interval", []string{
		"1.5 years", "1.5 months", "0.0000005 seconds",
		"1 day", "1 year 2 mons -3 days 04:05:06.789", "-1 day +02:03:00", "P1Y2M3DT4H5M6.789S", "PT-1.5S", "P-1Y", "P1W", "PT36H", "1-2", "-1-2", "+1-2", "3 4:05:06", "-3 4:05:06", "1-2 3 4:05:06",
		"@ 1 minute ago", "2 hours 5 mins ago", "10", "1.5", "-1.5", "1.5 hours", "1.5 days", "0.5 weeks", "1 week 2 days", "100:00:00", "-00:00:01.5", "1h30m", "1h30m0.5s", "90 sec", "5 ms", "7 us", "1 century", "2 decades", "1 millennium",
		"178000000 years", "-178000000 years", "2147483647 days", "00:01", "0", "1 mon -1 day", "1.123456789 seconds", "0.1 day", "P1DT0.5H", "3000000000 us",
	}},
	{"interval(2)", []string{"1.125 seconds", "1.135 seconds", "00:00:59.999"}},
	{"interval day to second", []string{"1 day 2 hours", "P1DT2H", "1 year 2 hours"}},
	{"interval year", []string{"1 year 11 months", "P1Y"}},
	{"json", []string{`{}`, ` {"b":1,  "a":[null]} `, `"x"`, `null`, `1.50`, `true`, `"\u0000"`, `"\ud800"`, `1e999999`}},
	{"jsonb", []string{`{}`, ` {"b":1,  "a":[null]} `, `"x"`, `null`, `1.50`, `-0`, `1e5`, `true`, `"é😀\ud83d\ude00"`, `[]`, `{"a":{"b":[1,2,{"c":"\""}]}}`, `{"k":1,"k":2}`}},
	{"inet", []string{"192.168.0.1", "192.168.0.1/24", "10.0.0.0/8", "::1", "2001:db8::1/64", "::ffff:1.2.3.4", "1.2.3.4/0", "1.2.3.4/32", "fe80::1/128"}},
	{"cidr", []string{"10", "10/8", "10.1", "192.168.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "192.168.0.1", "2001:db8::/32", "::/0", "::ffff:1.2.3.0/120"}},
	{"macaddr", []string{"08:00:2b:01:02:03", "08-00-2B-01-02-03", "08002b:010203", "08002b-010203", "0800.2b01.0203", "0800-2b01-0203", "08002b010203", " 08:00:2b:01:02:03 "}},
	{"macaddr8", []string{"08:00:2b:01:02:03:04:05", "08-00-2b-01-02-03-04-05", "08002b:0102030405", "08002b-0102030405", "0800.2b01.0203.0405", "0800-2b01-0203-0405", "08002b01:02030405", "08002b0102030405", "08:00:2b:01:02:03", "08002b:010203"}},
	{"bit(3)", []string{"101", "B000", "b111"}},
	{"bit(8)", []string{"xFf", "10101010"}},
	{"varbit", []string{"", "1", "101010101", "x1F", "X"}},
	{"varbit(5)", []string{"", "11111", "x1"}},
	{"mood", []string{"sad", "happy, very", "ärger"}},
	{"price", []string{"12.345", "0"}},
	{"word", []string{"hello", "hi   "}},
	{"int4[]", []string{"{}", "{1,2,3}", "{1,NULL,3}", "{{1,2},{3,4}}", "{{{1}}}", "[0:2]={1,2,3}", "[-1:0][2:3]={{1,2},{3,4}}", " { 1 , null } ", `{"1","2"}`, "[2]={7,8}"}},
	{"text[]", []string{`{}`, `{a,"b c","d\"e","f\\g","NULL",null,""}`, `{a b , c}`, `{{"x,y",z}}`, `{"{}"}`, `{ä,"é"}`}},
	{"numeric(6,2)[]", []string{"{1.234,NaN,NULL}"}},
	{"timestamptz[]", []string{`{"2024-02-29T12:34:56Z",2024-02-29,infinity}`}},
	{"bool[]", []string{"{t,f,yes}"}},
	{"uuid[]", []string{"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}},
	{"bytea[]", []string{`{"\\xdead",abc}`}},
	{"jsonb[]", []string{`{"{\"a\":1}","[1,2]",null,1}`}},
	{"interval[]", []string{`{"1 day",P1M}`}},
	{"inet[]", []string{"{1.2.3.4,::1}"}},
	{"mood[]", []string{`{sad,"happy, very"}`}},
	{"price[]", []string{"{1,2.345}"}},
	{"varchar(2)[]", []string{"{ab,cd}"}},
	{"pair[]", []string{`{"(1,a,,,)",NULL}`}},
	{"int4range", []string{"[1,10)", "(1,10]", "[1,]", "(,10)", "(,)", "empty", "EMPTY", " [1 , 10) ", "[5,5]", `["1","10")`}},
	{"int8range", []string{"[1,10)"}},
	{"numrange", []string{"[1.50,2.5]", "(-Infinity,Infinity)"}},
	{"daterange", []string{"[2024-01-01,2024-12-31]", "[2024-01-01,infinity)"}},
	{"tsrange", []string{`["2024-01-01 10:00","2024-01-01 11:00")`}},
	{"tstzrange", []string{`["2024-01-01T10:00:00Z",)`, `[2024-01-01 10:00+02,2024-01-01 11:00+02)`}},
	{"textrange", []string{`["a,b","c]d"]`, `["","z")`, `[a\,b,c"x""y"]`}},
	{"int4range[]", []string{`{"[1,2)",empty}`}},
	{"int4multirange", []string{"{}", "{[1,3),[5,8)}", " { [1,3) , [2,8) } ", "{empty,(,1)}"}},
	{"datemultirange", []string{"{[2024-01-01,2024-02-01)}"}},
	{"pair", []string{`(1,two,2024-02-29,"{a,b}",1.5)`, `(,,,,)`, `(1,"a ""b"" \\c",,{},)`, ` (1,"",,,) `}},
	{"xml", []string{"<a/>", "x"}},
	{"money", []string{"12.34", "$1,000.50", "-5"}},
	{"tsvector", []string{"a fat cat", "'x':1A"}},
	{"tsquery", []string{"a & b"}},
	{"point", []string{"(1,2)", "1,2"}},
	{"box", []string{"(1,2),(3,4)"}},
	{"path", []string{"[(1,2),(3,4)]"}},
	{"box[]", []string{"{(1,2),(3,4);(5,6),(7,8)}"}},
	{"pg_lsn", []string{"16/B374D848"}},
	{"regclass", []string{"pg_class"}},
	{"int2vector", []string{"1 2 3"}},
	{"lsnrange", []string{"[0/1,0/2)"}},
	{"lsnmultirange", []string{"{[0/1,0/2)}"}},
	{"lsnrange[]", []string{`{"[0/1,0/2)"}`}},
	{"spot", []string{"1,2"}},
	{"spot[]", []string{`{"(1,2)"}`}},
	{"hstore", []string{`a=>1, "b c"=>NULL`}},
	{"ltree", []string{"a.b.c"}},
	{"place", []string{`(1,"(2,3)",2024-01-01,$5,"{}",\\x00,"{1}")`}},
}

func TestCopyStoresATextAsInsertDoes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.exec(schema)
	for _, r := range readings {
		t.Run(r.typ, func(t *testing.T) {
			s := &server{tb: t, conn: s.conn, major: s.major}
			if s.lacks(r.typ, "") {
				t.Skip("the server is older than the type")
			}
			column := s.table("copied", r.typ)
			s.table("inserted", r.typ)
			var fields [][]byte
			for _, text := range r.texts {
				if s.lacks(r.typ, text) {
					continue
				}
				field, err := s.field(column, text)
				require.NoError(t, err)
				fromBytes, err := s.field(column, []byte(text))
				require.NoError(t, err)
				if column.Type != "bytea" && column.Type != "bytea[]" {
					require.Equal(t, field, fromBytes, "bytes are read as the text that they are")
				}
				fields = append(fields, field)
				s.exec("insert into inserted values (" + quote(text) + ")")
			}
			if r.typ != "word" {
				field, err := column.Append(nil, nil)
				require.NoError(t, err)
				fields = append(fields, field)
				s.exec("insert into inserted values (null)")
			}
			require.NoError(t, s.copyFields("copied", column, fields...))
			want := s.texts("inserted")
			for i, got := range s.texts("copied") {
				require.Equal(t, want[i], got, "value %d of %q", i, r.texts)
			}
		})
	}
}
