package csvrows

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"
)

func zipOf(tb testing.TB, names ...string) string {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(tb, err)
		_, err = f.Write([]byte("id,v\n1,a\n2,b\n"))
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Close())
	return b.String()
}

func utf16Of(tb testing.TB, endian unicode.Endianness, text string) string {
	tb.Helper()
	text, err := unicode.UTF16(endian, unicode.IgnoreBOM).NewEncoder().String(text)
	require.NoError(tb, err)
	return text
}

func TestContentsOtherThanCSVAreRecognised(t *testing.T) {
	t.Parallel()
	const utf16Advice = "the content is UTF-16 without a byte order mark: set encoding to utf-16"
	for name, c := range map[string]struct{ content, want string }{
		"xlsx":              {zipOf(t, "[Content_Types].xml", "xl/workbook.xml"), "the content is an Excel workbook (.xlsx), not CSV: save it from Excel as CSV UTF-8"},
		"xlsx of a library": {zipOf(t, "docProps/app.xml"), "the content is an Excel workbook (.xlsx), not CSV: save it from Excel as CSV UTF-8"},
		"ods":               {zipOf(t, "mimetype", "content.xml"), "the content is an OpenDocument spreadsheet (.ods), not CSV: save it as CSV"},
		"zip":               {zipOf(t, "a.csv"), "the content is a ZIP file: unpack it, or compress each file with gzip or zstd"},
		"empty zip":         {zipOf(t), "the content is an empty ZIP file"},
		"xls":               {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 504), "the content is an Excel workbook (.xls), not CSV: save it from Excel as CSV UTF-8"},
		"xz":                {"\xFD7zXZ\x00\x00\x04", "the content is compressed with xz, which is not read: compress it with gzip or zstd"},
		"a page":            {"<!DOCTYPE html>\n<html>", "the content is an HTML page, not CSV: its download may have ended in an error page or a login"},
		"UTF-16LE":          {utf16Of(t, unicode.LittleEndian, "id,name\r\n1,a\r\n"), utf16Advice + "le"},
		"UTF-16BE":          {utf16Of(t, unicode.BigEndian, "id,name\r\n1,a\r\n"), utf16Advice + "be"},
		"Cyrillic UTF-16":   {utf16Of(t, unicode.LittleEndian, "имя;цена\r\nчай;1\r\n"), utf16Advice + "le"},
		"UTF-16 in one row": {utf16Of(t, unicode.BigEndian, strings.Repeat("word ", 500)), utf16Advice + "be"},
	} {
		for _, opts := range []Options{{}, headed, {ExpectedFields: AnyFields}, {Encoding: "windows-1252"}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got := readWhole(t, c.content, "x.csv", opts, Position{})
				assert.Empty(t, got.Rows)
				assert.Equal(t, c.want, got.Err, "%+v", opts)
				checkAnyWay(t, c.content, "x.csv", opts)
				packedContent := packed(t, "x.csv.gz", c.content)
				assert.Equal(t, got, readWhole(t, packedContent, "x.csv.gz", opts, Position{}), "compressed")
			})
		}
	}
}

func TestNumbersWithNULBytesAreNotUTF16(t *testing.T) {
	t.Parallel()
	rows := readRows(t, "1,a\x00b\n2,\x00\n", Options{})
	checkRows(t, []wanted{good("1", "a\x00b"), good("2", "\x00")}, rows)
}

func TestLinesBeforeTheHeader(t *testing.T) {
	t.Parallel()
	skipping := func(n int) Options { return Options{ParseHeaderRow: true, SkipRows: n} }
	for name, c := range map[string]struct {
		content string
		opts    Options
		columns []string
		rows    []wanted
	}{
		"lines are skipped": {
			"Account: \"4711\nfrom 1 to 31, May\r\n\na,b\n1,2\n", skipping(3), []string{"a", "b"}, []wanted{good("1", "2")},
		},
		"without a header": {"report\n1,2\n3,4\n", Options{SkipRows: 1}, nil, []wanted{good("1", "2"), good("3", "4")}},
		"lone CRs":         {"x\r\ry\ra,b\r1,2\r", skipping(3), []string{"a", "b"}, []wanted{good("1", "2")}},
		"a long line":      {strings.Repeat("x", 3*chunkBytes) + "\na,b\n1,2\n", skipping(1), []string{"a", "b"}, []wanted{good("1", "2")}},
		"nothing is left":  {"x\ny", skipping(2), nil, nil},
		"too little":       {"x\ny\n", skipping(5), nil, nil},
		"behind a mark":    {"\uFEFFx\na,b\n1,2\n", skipping(1), []string{"a", "b"}, []wanted{good("1", "2")}},

		"sep= sets the delimiter":   {"sep=;\na;b\n1;\"2,5\"\n", headed, []string{"a", "b"}, []wanted{good("1", "2,5")}},
		"sep= with CRLF and a mark": {"\uFEFFSEP=\t\r\na\tb\r\n1\t2\r\n", headed, []string{"a", "b"}, []wanted{good("1", "2")}},
		"sep= in quotes":            {"\"sep=|\"\na|b\n1|2\n", headed, []string{"a", "b"}, []wanted{good("1", "2")}},
		"sep= without a header":     {"sep=;\n1;2\n3;4\n", Options{}, nil, []wanted{good("1", "2"), good("3", "4")}},
		"sep= of several bytes":     {"sep=§\na§b\n1§2\n", headed, []string{"a", "b"}, []wanted{good("1", "2")}},
		"sep= is one of the lines":  {"sep=;\nreport\na;b\n1;2\n", skipping(2), []string{"a", "b"}, []wanted{good("1", "2")}},
		"sep= and nothing else":     {"sep=;", headed, nil, nil},
		"no separator":              {"sep=,b\n1,2\n", headed, []string{"sep=", "b"}, []wanted{good("1", "2")}},
		"sep= in the second line":   {"a,b\nsep=;\n", headed, []string{"a", "b"}, []wanted{bad(csv.ErrFieldCount, "sep=;")}},

		"an index column":        {",a,b\n0,1,2\n", headed, []string{"column_1", "a", "b"}, []wanted{good("0", "1", "2")}},
		"a trailing delimiter":   {"a,b,\n1,2,\n", headed, []string{"a", "b", "column_3"}, []wanted{good("1", "2", "")}},
		"several empty names":    {"a, ,\n1,2,3\n", headed, []string{"a", "column_2", "column_3"}, []wanted{good("1", "2", "3")}},
		"a name that is taken":   {",column_1\n1,2\n", headed, []string{"column_1_", "column_1"}, []wanted{good("1", "2")}},
		"space around quotes":    {"\"a\", \"b\" ,\t\"c\"\n \"1\" , \"2, \"\"x\"\" \"\t,3\n", Options{ParseHeaderRow: true, TrimSpace: true}, []string{"a", "b", "c"}, []wanted{good("1", "2, \"x\"", "3")}},
		"a line end in them":     {"a, \"b\"\n1, \"2\n3\" \n", Options{ParseHeaderRow: true, TrimSpace: true}, []string{"a", "b"}, []wanted{good("1", "2\n3")}},
		"a tab delimiter":        {"\"a\"\t \"b\" \n\"1\"\t\"2\"\n", Options{ParseHeaderRow: true, TrimSpace: true, Delimiter: '\t'}, []string{"a", "b"}, []wanted{good("1", "2")}},
		"text behind the quotes": {"a,b\n1, \"2\" x\n", Options{ParseHeaderRow: true, TrimSpace: true}, []string{"a", "b"}, []wanted{bad(csv.ErrQuote, "1, \"2\" x")}},
		"space without trimming": {"a,b\n1, \"2\"\n", headed, []string{"a", "b"}, []wanted{bad(csv.ErrBareQuote, "1, \"2\"")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := readWhole(t, c.content, "x.csv", c.opts, Position{})
			require.Empty(t, got.Err)
			assert.Equal(t, c.columns, got.Columns)
			checkRows(t, c.rows, readRows(t, c.content, c.opts))
			checkAnyWay(t, c.content, "x.csv", c.opts)
			for _, name := range packedNames {
				content := packed(t, name, c.content)
				assert.Equal(t, got, readWhole(t, content, name, c.opts, Position{}), name)
				checkAnyWay(t, content, name, c.opts)
			}
			opts := with(c.opts, func(o *Options) { o.Encoding = "utf-16le" })
			converted := readWhole(t, utf16Of(t, unicode.LittleEndian, c.content), "x.csv", opts, Position{})
			assert.Equal(t, got.fields(), converted.fields(), "UTF-16")
		})
	}
}

func TestASeparatorEqualToTheCommentIsRefused(t *testing.T) {
	t.Parallel()
	got := readWhole(t, "sep=#\na#b\n", "x.csv", with(headed, func(o *Options) { o.Comment = '#' }), Position{})
	require.Equal(t, "the first line sets the delimiter to '#', which is also comment: set another comment", got.Err)
}

func TestASeparatorLineNamesOneCharacter(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"sep=", "SEP=;;", `"sep="`, "sep=,,", "sep= ; ", `sep="`} {
		for _, opts := range []Options{headed, {}} {
			got := readWhole(t, line+"\na;b\n", "x.csv", opts, Position{})
			require.Equal(t, fmt.Sprintf("the first line, %q, has to name one character as the delimiter: correct it, such as to sep=;, or remove it", line), got.Err)
			require.Empty(t, got.Rows)
			checkAnyWay(t, line+"\na;b\n", "x.csv", opts)
		}
	}
}

func TestRepeatedHeadersAreSkippedAndCounted(t *testing.T) {
	t.Parallel()
	opts := with(headed, func(o *Options) { o.SkipRepeatedHeaders = true })
	for name, c := range map[string]struct {
		content string
		opts    Options
		repeats int64
		numbers []int64
	}{
		"plain":             {"a,b\n1,2\na,b\n3,4\n", opts, 1, []int64{1, 3}},
		"quoted otherwise":  {"a,b\n1,2\n\"a\",b\n3,4\n", opts, 1, []int64{1, 3}},
		"behind a mark":     {"\uFEFFa,b\n1,2\n\uFEFFa,b\n3,4\n", opts, 1, []int64{1, 3}},
		"a mark and quotes": {"\uFEFF\"a\",\"b\"\n1,2\n\uFEFF\"a\",\"b\"\n3,4\n", opts, 1, []int64{1, 3}},
		"at the end":        {"a,b\n1,2\n3,4\na,b", opts, 1, []int64{1, 2}},
		"only headers":      {"a,b\na,b\na,b\n1,2\n3,4\n", opts, 2, []int64{3, 4}},
		"with empty names":  {",b\n1,2\n,b\n3,4\n", opts, 1, []int64{1, 3}},
		"trimmed":           {"a , b\n1,2\na,b\n3,4\n", with(opts, func(o *Options) { o.TrimSpace = true }), 1, []int64{1, 3}},
		"not another order": {"a,b\n1,2\nb,a\n", opts, 0, []int64{1, 2}},
		"not when off":      {"a,b\n1,2\na,b\n", headed, 0, []int64{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Open(whole(c.content), "x.csv", c.opts, Position{})
			require.NoError(t, err)
			got := drain(r, 100)
			require.Empty(t, got.Err)
			var numbers []int64
			for _, row := range got.Rows {
				require.NoError(t, row.Err)
				numbers = append(numbers, row.Number)
			}
			assert.Equal(t, c.numbers, numbers, "what is skipped keeps its number")
			assert.Equal(t, c.repeats, r.RepeatedHeaders())
			checkAnyWay(t, c.content, "x.csv", c.opts)
		})
	}
}

func TestAHeaderBelowOtherLinesIsFound(t *testing.T) {
	t.Parallel()
	opts := Options{ParseHeaderRow: true, ExpectedHeaders: []string{"date", "amount"}, RejectMissing: true}
	got := readWhole(t, "\uFEFFMy bank\n\nAccount,4711\ndate,amount,text\n2025-01-01,1,x\n", "x.csv", opts, Position{})
	require.Equal(t, "the first record has none of the expected_headers. The header seems to be in line 4: set skip_rows to 3", got.Err)
}

func TestADoubtfulHeaderIsReported(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"id;name;price":     ". Its cells seem to be separated by ';': set delimiter to that",
		"1,2,3":             ". It looks like data, not like a header: for files without a header set parse_header_row to false",
		"1,View,19.99":      ". It looks like data, not like a header: for files without a header set parse_header_row to false",
		"country,2019,2020": "",
		"country,1/22/20":   "",
		"id,name":           "",
		"sentence":          "",
		`"a;b",c`:           "",
	} {
		r, err := Open(whole(header+"\n"), "x.csv", Options{ParseHeaderRow: true, LazyQuotes: true}, Position{})
		require.NoError(t, err)
		require.Empty(t, drain(r, 1).Err, header)
		assert.Equal(t, want, r.Doubt(), header)
	}
}
