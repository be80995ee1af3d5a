package csvrows

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// row is a good row, or with Kind a bad one.
type wanted struct {
	Fields []string
	Raw    string
	Kind   error
}

func good(fields ...string) wanted             { return wanted{Fields: fields} }
func bad(kind error, raw string) wanted        { return wanted{Kind: kind, Raw: raw} }
func with(o Options, f func(*Options)) Options { f(&o); return o }

var headed = Options{ParseHeaderRow: true}

func TestEverySituationOfAFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		opts    Options
		columns []string
		rows    []wanted
	}{
		"an empty file":          {content: "", opts: headed},
		"only a byte order mark": {content: "\uFEFF", opts: headed},
		"half a byte order mark": {content: "\xEF\xBB", rows: []wanted{bad(ErrInvalidText, "\xEF\xBB")}},
		"only empty lines":       {content: "\n\r\n\r\n\r", opts: headed},
		"a header only":          {content: "a,b\n", opts: headed, columns: []string{"a", "b"}},
		"a header without a line end": {
			content: "a,b", opts: headed, columns: []string{"a", "b"},
		},
		"LF":            {content: "a,b\n1,2\n3,4\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good("3", "4")}},
		"CRLF":          {content: "a,b\r\n1,2\r\n3,4\r\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good("3", "4")}},
		"lone CR":       {content: "a,b\r1,2\r3,4\r", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good("3", "4")}},
		"all line ends": {content: "a,b\r1,2\n3,4\r\n5,6", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good("3", "4"), good("5", "6")}},
		"lone CR behind quotes": {
			content: "\"a\",\"b\"\r\"1\",\"2\"\r", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2")},
		},
		"a byte order mark": {
			content: "\uFEFFa,b\n1,2\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2")},
		},
		"a byte order mark before a quote": {
			content: "\uFEFF\"a\",b\n1,2\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2")},
		},
		"a byte order mark without header": {content: "\uFEFF1,2\n", rows: []wanted{good("1", "2")}},
		"empty lines anywhere": {
			content: "\n\r\na,b\n\n1,2\r\n\r\n\r\r3,4\n\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good("3", "4")},
		},
		"no line end at the end": {content: "a,b\n1,2\n3,4", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good("3", "4")}},
		"an empty last cell at the end": {
			content: "a,b\n1,", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "")},
		},
		"empty cells": {content: "a,b,c\n,,\n,x,\n", opts: headed, columns: []string{"a", "b", "c"}, rows: []wanted{good("", "", ""), good("", "x", "")}},
		"one column":  {content: "a\n1\n\"\"\n2\n", opts: headed, columns: []string{"a"}, rows: []wanted{good("1"), good(""), good("2")}},
		"quoted delimiters, line ends and quotes": {
			content: "a,b\n\"1,2\",\"x\ny\"\n\"say \"\"hi\"\"\",\"\"\"\"\n\"p\r\nq\",\"r\rs\"\n", opts: headed, columns: []string{"a", "b"},
			rows: []wanted{good("1,2", "x\ny"), good(`say "hi"`, `"`), good("p\r\nq", "r\rs")},
		},
		"quoted and unquoted cells mixed": {
			content: "a,b,c\n\"1\",2,\"3\"\n4,\"5\"\"\",6\n", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{good("1", "2", "3"), good("4", `5"`, "6")},
		},
		"a quoted header": {
			content: "\"a b\",\"c\nd\",\"e\"\"\"\n1,2,3\n", opts: headed, columns: []string{"a b", "c\nd", `e"`}, rows: []wanted{good("1", "2", "3")},
		},
		"spaces stay": {content: "a,b\n 1 , 2\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good(" 1 ", " 2")}},
		"a semicolon": {content: "1;2,5\n\"a;b\";c\n", opts: Options{Delimiter: ';'}, rows: []wanted{good("1", "2,5"), good("a;b", "c")}},
		"a tab":       {content: "1\t\t3\n", opts: Options{Delimiter: '\t'}, rows: []wanted{good("1", "", "3")}},
		"a delimiter of several bytes": {
			content: "1§2§\n\"a§b\"§c¦§\"d\"\n", opts: Options{Delimiter: '§'}, rows: []wanted{good("1", "2", ""), good("a§b", "c¦", "d")},
		},
		"a NUL as delimiter and as content": {content: "1\x002\n", opts: Options{Delimiter: 1}, rows: []wanted{good("1\x002")}},
		"comments": {
			content: "# one \"\n#two\r\na,b\n#,\n1,2\n 3,#\n#end", opts: with(headed, func(o *Options) { o.Comment = '#' }),
			columns: []string{"a", "b"}, rows: []wanted{good("1", "2"), good(" 3", "#")},
		},
		"a comment sign in a quoted cell": {
			content: "\"#a\",b\n\"x\n#y\",z\n", opts: Options{Comment: '#'}, rows: []wanted{good("#a", "b"), good("x\n#y", "z")},
		},
		"a comment sign of several bytes": {content: "‡ no\n1,2\n‡", opts: Options{Comment: '‡'}, rows: []wanted{good("1", "2")}},

		"too few cells":          {content: "a,b,c\n1,2\n3,4,5\n", opts: headed, columns: []string{"a", "b", "c"}, rows: []wanted{bad(csv.ErrFieldCount, "1,2"), good("3", "4", "5")}},
		"too many cells":         {content: "a,b\n1,2,3,4,5,6,7,8,9,10,11\n3,4\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{bad(csv.ErrFieldCount, "1,2,3,4,5,6,7,8,9,10,11"), good("3", "4")}},
		"too many quoted cells":  {content: "a,b\n\"1\",2,\"3\"\n3,4\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{bad(csv.ErrFieldCount, `"1",2,"3"`), good("3", "4")}},
		"a line of spaces":       {content: "a,b\n  \n3,4\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{bad(csv.ErrFieldCount, "  "), good("3", "4")}},
		"the first record tells": {content: "1,2\n3\n4,5\n", rows: []wanted{good("1", "2"), bad(csv.ErrFieldCount, "3"), good("4", "5")}},
		"the first good record tells": {
			content: "x\"y,1,2\n1,2\n3\n4,5\n", rows: []wanted{bad(csv.ErrBareQuote, `x"y,1,2`), good("1", "2"), bad(csv.ErrFieldCount, "3"), good("4", "5")},
		},
		"a number of cells is expected": {
			content: "1\n2,3\n", opts: Options{ExpectedFields: 2}, rows: []wanted{bad(csv.ErrFieldCount, "1"), good("2", "3")},
		},
		"any number of cells": {
			content: "1\n2,3\n\"4\",5,6\n", opts: Options{ExpectedFields: AnyFields}, rows: []wanted{good("1"), good("2", "3"), good("4", "5", "6")},
		},

		"a bare quote": {content: "a,b\n1,x\"y\"\n2,3\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{bad(csv.ErrBareQuote, `1,x"y"`), good("2", "3")}},
		"text behind a quote": {
			content: "a,b\n1,\"x\"y\n2,3\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{bad(csv.ErrQuote, `1,"x"y`), good("2", "3")},
		},
		"bad quotes with CRLF": {
			content: "a,b\r\n1,\"x\"y\r\n2,\"z\r\n3,\"4\"\r\n", opts: headed, columns: []string{"a", "b"},
			rows: []wanted{bad(csv.ErrQuote, `1,"x"y`), bad(csv.ErrQuote, `2,"z`), good("3", "4")},
		},
		"lazy quotes": {
			content: "1,x\"y\"\n\"a\"b\",\"c\"\"d\"\n\"e\"\"\"f,g\"\n", opts: Options{LazyQuotes: true, ExpectedFields: AnyFields},
			rows: []wanted{good("1", `x"y"`), good(`a"b`, `c"d`), good(`e""f,g`)},
		},
		"lazy quotes, one open to the end": {content: "1,2\n3,\"x\ny\n", opts: Options{LazyQuotes: true}, rows: []wanted{good("1", "2"), good("3", "x\ny\n")}},
		"a quote that is open to the end": {
			content: "a,b\n1,\"x\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{bad(csv.ErrQuote, "1,\"x")},
		},
		"a stray quote costs its own row": {
			content: "a,b,c\n1,\"2,3\n4,5,6\n7,\"8\",9\n10,11,12\n", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("4", "5", "6"), good("7", "8", "9"), good("10", "11", "12")},
		},
		"a stray quote before lone CRs": {
			content: "a,b,c\r1,\"2,3\r4,5,6\r7,\"8\",9\r10,11,12", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("4", "5", "6"), good("7", "8", "9"), good("10", "11", "12")},
		},
		"a stray quote before a cell of several lines": {
			content: "a,b,c\n1,\"2,3\n4,5,6\n7,\"8\n8\",9\n10,11,12\n", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("4", "5", "6"), good("7", "8\n8", "9"), good("10", "11", "12")},
		},
		"a stray quote up to the end": {
			content: "a,b,c\n1,\"2,3\n4,5,6\n7,8,9", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("4", "5", "6"), good("7", "8", "9")},
		},
		"bad quotes in a cell of several lines are no stray quote": {
			content: "a,b,c\n1,\"Dear John,\nI said \"hi\", twice, to him\nBye\",2\n3,4,5\n", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, "1,\"Dear John,\nI said \"hi\", twice, to him"), bad(csv.ErrBareQuote, "Bye\",2"), good("3", "4", "5")},
		},

		"a line in such a cell may look like a record": {
			content: "a,b,c\n1,\"Dear John,\nred, green, blue\nI said \"hi\" to him\nBye\",2\n3,4,5\n", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, "1,\"Dear John,\nred, green, blue\nI said \"hi\" to him"), bad(csv.ErrBareQuote, "Bye\",2"), good("3", "4", "5")},
		},
		"a stray quote before a quoted cell in the next line": {
			content: "a,b,c\r\n1,\"2,3\r\n7,\"8\",9\r\n", opts: headed, columns: []string{"a", "b", "c"}, rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("7", "8", "9")},
		},
		"a stray quote before a quoted cell, and lone CRs": {
			content: "a,b,c\r1,\"2,3\r7,\"8\",9\r10,11,12\r", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("7", "8", "9"), good("10", "11", "12")},
		},
		"a stray quote and then a ragged row": {
			content: "a,b,c\n1,\"2,3\n4,5,6\n7\n8,\"9\",10\n", opts: headed, columns: []string{"a", "b", "c"},
			rows: []wanted{bad(csv.ErrQuote, `1,"2,3`), good("4", "5", "6"), bad(csv.ErrFieldCount, "7"), good("8", "9", "10")},
		},
		"invalid UTF-8 costs its own row": {
			content: "a,b\n1,\xE9t\xE9\n2,été\n\"3\",\"\xFF\"\n4,\"é\"\n", opts: headed, columns: []string{"a", "b"},
			rows: []wanted{bad(ErrInvalidText, "1,\xE9t\xE9"), good("2", "été"), bad(ErrInvalidText, "\"3\",\"\xFF\""), good("4", "é")},
		},
		"a character cut off at the end": {content: "1,\xE2\x82", rows: []wanted{bad(ErrInvalidText, "1,\xE2\x82")}},
		"U+FFFD in UTF-8 is text":        {content: "1,\uFFFD\xff\n1,\uFFFD\n", rows: []wanted{bad(ErrInvalidText, "1,\uFFFD\xff"), good("1", "\uFFFD")}},
		"NUL bytes are content":          {content: "a,b\n1,\x00\n\"\x00\",\x00\n", opts: headed, columns: []string{"a", "b"}, rows: []wanted{good("1", "\x00"), good("\x00", "\x00")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readWhole(t, c.content, "x.csv", c.opts, Position{})
			require.Empty(t, got.Err)
			assert.Equal(t, c.columns, got.Columns)
			checkRows(t, c.rows, readRows(t, c.content, c.opts))
			if len(c.rows) > 0 || c.columns != nil {
				assert.Equal(t, int64(len(c.content)), got.Position.Offset, "the position is at the end")
			}
			checkAnyWay(t, c.content, "x.csv", c.opts)
		})
	}
}

// readRows is readWhole with the errors as they are.
func readRows(t *testing.T, content string, opts Options) []Row {
	t.Helper()
	r, err := Open(whole(content), "x.csv", opts, Position{})
	require.NoError(t, err)
	var rows []Row
	for err == nil {
		rows, err = r.Read(rows, 1000)
	}
	require.ErrorIs(t, err, io.EOF)
	rows, err = r.Finish(rows)
	require.NoError(t, err)
	return rows
}

func checkRows(t *testing.T, want []wanted, rows []Row) {
	t.Helper()
	var got []wanted
	for i, row := range rows {
		require.Equal(t, int64(i+1), row.Number)
		w := wanted{Fields: row.Fields}
		if row.Err != nil {
			w.Kind, w.Raw = errors.Unwrap(row.Err), row.Raw
		}
		got = append(got, w)
	}
	assert.Equal(t, want, got)
}

func TestRawIsTheOriginalRecord(t *testing.T) {
	t.Parallel()
	rows := readRows(t, "\uFEFFa,b\r\n\n1, 2\r\n\"x\r\ny\",\"\"\"\"\r\n5\n6,7\r\r", headed)
	var raws []string
	for _, row := range rows {
		raws = append(raws, row.Raw)
	}
	assert.Equal(t, []string{"1, 2", "\"x\r\ny\",\"\"\"\"", "5", "6,7"}, raws)
}

func TestRawIsBoundedBetweenCharacters(t *testing.T) {
	t.Parallel()
	long := "1," + strings.Repeat("é", MaxRawBytes)
	rows := readRows(t, "a,b\n"+long+"\n1,\n1,"+strings.Repeat("x", MaxRawBytes)+",\n", headed)
	require.Len(t, rows, 3)
	require.NoError(t, rows[0].Err)
	assert.Equal(t, long, strings.Join(rows[0].Fields, ","), "the cells are whole")
	assert.Equal(t, long[:MaxRawBytes], rows[0].Raw)
	require.Error(t, rows[2].Err)
	assert.Len(t, rows[2].Raw, MaxRawBytes)

	rows = readRows(t, "a,b\n11,"+strings.Repeat("é", MaxRawBytes)+"\n", headed)
	assert.Len(t, rows[0].Raw, MaxRawBytes-1)
}

func TestReasonsAreInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		opts    Options
		reason  string
	}{
		"few":        {"a,b,c\n1\n", headed, "1 field where 3 are in the header"},
		"many":       {"a,b,c\n1,2,3,4\n", headed, "4 fields where 3 are in the header"},
		"expected":   {"1,2,3,4\n", Options{ExpectedFields: 2}, "4 fields where 2 are expected"},
		"bare":       {"a,b\n1,x\"\n", headed, `bare " in non-quoted-field: field 2 (b), byte 4 of the record`},
		"odd name":   {"a,b\x01\n1,x\"\n", headed, `bare " in non-quoted-field: field 2 (b\x01), byte 4 of the record`},
		"long name":  {"a," + strings.Repeat("x", 1000) + "\n1,x\"\n", headed, `bare " in non-quoted-field: field 2 (` + strings.Repeat("x", 64) + `…), byte 4 of the record`},
		"behind":     {"a,b\n1,\"x\"y\n", headed, `extraneous or missing " in quoted-field: field 2 (b), byte 5 of the record`},
		"swallowing": {"a,b\n1,\"x\n2,3", headed, `extraneous or missing " in quoted-field: a quote in this record is not closed`},
		"long":       {"a,b\n1,234567890\n", with(headed, func(o *Options) { o.MaxRecordBytes = 10 }), "the record is longer than max_record_bytes (10): a quote may not be closed"},
		"latin1":     {"a,b\n1,\xE9\n", headed, "invalid UTF-8 (0xE9) in byte 3 of the record: set encoding if the file has another one"},
		"decoded":    {"a,b\n1,\xFF\xFF\n", with(headed, func(o *Options) { o.Encoding = "Shift_JIS" }), "bytes that are not valid Shift_JIS before byte 3 of the converted record"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := readRows(t, c.content, c.opts)
			require.NotEmpty(t, rows)
			assert.EqualError(t, rows[0].Err, c.reason)
			assert.Nil(t, rows[0].Fields)
		})
	}
}

func TestOptionErrorsNameTheFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"quote":        {Options{Delimiter: '"'}, `delimiter '"' is not possible: use a character other than a quote or a line end`},
		"line end":     {Options{Delimiter: '\n'}, `delimiter '\n' is not possible: use a character other than a quote or a line end`},
		"comment":      {Options{Comment: '\r'}, `comment '\r' is not possible: use a character other than a quote or a line end`},
		"the same":     {Options{Comment: ','}, `comment and delimiter are both ',': use two different characters`},
		"no header":    {Options{ExpectedHeaders: []string{"a"}}, "expected_headers needs parse_header_row: true"},
		"skipping":     {Options{SkipRows: -1}, "skip_rows must not be negative"},
		"no repeats":   {Options{SkipRepeatedHeaders: true}, "skip_repeated_headers needs parse_header_row: true"},
		"no reference": {Options{ParseHeaderRow: true, RejectDrift: true}, "schema_drift: reject needs expected_headers to compare with"},
		"twice":        {Options{ParseHeaderRow: true, ExpectedHeaders: []string{"a", "a"}}, `expected_headers has "a" twice or empty: name each column once`},
		"negative":     {Options{ExpectedFields: -2}, "expected_number_of_fields is -2: use a positive number, or leave it out"},
		"two numbers":  {Options{ParseHeaderRow: true, RejectDrift: true, ExpectedHeaders: []string{"a"}, ExpectedFields: 2}, "expected_number_of_fields is 2 but expected_headers has 1 names: leave the number out"},
		"size":         {Options{MaxRecordBytes: -1}, "max_record_bytes is -1: use a number from 1 to 1073741824"},
		"encoding":     {Options{Encoding: "klingon"}, `encoding "klingon" is not known: use an IANA name such as utf-16, iso-8859-1, windows-1252 or shift_jis`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.EqualError(t, c.opts.Validate(), c.want)
			_, err := Open(whole(""), "x.csv", c.opts, Position{})
			assert.EqualError(t, err, c.want)
		})
	}
	assert.NoError(t, Options{}.Validate())
}

func TestOnlyPlainFilesHaveFileOffsets(t *testing.T) {
	t.Parallel()
	assert.True(t, Options{}.Plain("x.csv"))
	assert.True(t, Options{Encoding: "UTF-8"}.Plain("dir.gz/x"))
	assert.False(t, Options{}.Plain("x.csv.GZ"))
	assert.False(t, Options{}.Plain("x.zst"))
	assert.False(t, Options{Encoding: "utf-16"}.Plain("x.csv"))
}

func TestTrimSpaceTrimsCellsAndNames(t *testing.T) {
	t.Parallel()
	const content = "id , name\n 1,\" one \"\n\t2\t,two words\u00a0\n,  \n"
	got := readWhole(t, content, "a.csv", Options{ParseHeaderRow: true, TrimSpace: true}, Position{})
	require.Equal(t, []string{"id", "name"}, got.Columns)
	require.Equal(t, [][]string{{"1", "one"}, {"2", "two words"}, {"", ""}}, got.fields())
	require.Equal(t, ` 1," one "`, got.Rows[0].Raw)

	kept := readWhole(t, content, "a.csv", Options{ParseHeaderRow: true}, Position{})
	require.Equal(t, []string{"id ", " name"}, kept.Columns)
	require.Equal(t, []string{" 1", " one "}, kept.Rows[0].Fields)
}
