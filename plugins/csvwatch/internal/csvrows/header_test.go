package csvrows

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestABadHeaderIsAPermanentError(t *testing.T) {
	t.Parallel()
	expecting := func(reject bool, names ...string) Options {
		return Options{ParseHeaderRow: true, ExpectedHeaders: names, RejectDrift: reject}
	}
	for name, c := range map[string]struct {
		content string
		opts    Options
		want    string
	}{
		"twice":         {"a,b,a\n1,2,3\n", headed, `the header has "a" twice, as column 1 and as column 3`},
		"no names":      {",\n1,2\n", headed, "the header has no names"},
		"only spaces":   {" , \n1,2\n", headed, "the header has no names"},
		"NUL":           {"a,b\x00\n1,2\n", headed, `the header has NUL bytes, in "b\x00": the content is no text, or in another encoding`},
		"bare quote":    {"a,b\"\n1,2\n", headed, `the header cannot be read: bare " in non-quoted-field: field 2, byte 4 of the record`},
		"invalid UTF-8": {"a,\xE9\n1,2\n", headed, "the header cannot be read: invalid UTF-8 (0xE9) in byte 3 of the record: set encoding if the file has another one"},
		"too long":      {"aaaaaaaaaaaa,b", Options{ParseHeaderRow: true, MaxRecordBytes: 10}, "the header cannot be read: the record is longer than max_record_bytes (10): a quote may not be closed"},
		"number":        {"a,b,c\n", Options{ParseHeaderRow: true, ExpectedFields: 2}, "the header has 3 columns, but expected_number_of_fields is 2"},
		"another file":  {"1,2,3\n", expecting(false, "a", "b"), "the first record has none of the expected_headers. It looks like data, not like a header: for files without a header set parse_header_row to false"},
		"none":          {"x,y,z\n", expecting(false, "a", "b"), "the first record has none of the expected_headers"},
		"required":      {"id,prize,x\n", Options{ParseHeaderRow: true, ExpectedHeaders: []string{"id", "price"}, RejectMissing: true}, `the header is not as in expected_headers: it lacks "price"; has "prize", "x" besides`},
		"delimiter":     {"a;b\n1;2\n", expecting(false, "a", "b"), "the first record has none of the expected_headers. Its cells seem to be separated by ';': set delimiter to that"},
		"tabs":          {"id\tname, first\n", Options{ParseHeaderRow: true, ExpectedHeaders: []string{"id"}, Delimiter: ';'}, "the first record has none of the expected_headers. Its cells seem to be separated by '\\t': set delimiter to that"},
		"data":          {"7f3c9a52-1111-4222-8333-123456789abc,View,19.99\n", expecting(false, "id", "kind", "price"), "the first record has none of the expected_headers. It looks like data, not like a header: for files without a header set parse_header_row to false"},
		"data, twice":   {"1.5,1.5\n", headed, `the header has "1.5" twice, as column 1 and as column 2. It looks like data, not like a header: for files without a header set parse_header_row to false`},
		"lacking":       {"a,c\n", expecting(true, "a", "b", "c"), `the header is not as in expected_headers: it lacks "b"`},
		"besides":       {"a,b,x,y\n", expecting(true, "a", "b"), `the header is not as in expected_headers: it has "x", "y" besides`},
		"order":         {"b,a\n", expecting(true, "a", "b"), "the header is not as in expected_headers: it has another order"},
		"all":           {"x,c,a\n", expecting(true, "a", "b", "c"), `the header is not as in expected_headers: it lacks "b"; has "x" besides; has another order`},
		"a long name":   {strings.Repeat("é", 100) + ",b," + strings.Repeat("é", 100) + "\n", headed, `the header has "` + strings.Repeat("é", 32) + `…" twice, as column 1 and as column 3`},
		"an odd name":   {"a\x1b\"\n", Options{ParseHeaderRow: true, LazyQuotes: true, ExpectedHeaders: []string{"b"}, RejectDrift: true}, "the first record has none of the expected_headers"},
		"odd, twice":    {"\x01\x1b,\x01\x1b\n", headed, `the header has "\x01\x1b" twice, as column 1 and as column 2`},
		"many besides":  {"a,b,c,d,e,f,g,h,i,j,k,l,m,n\n", expecting(true, "a"), `the header is not as in expected_headers: it has "b", "c", "d", "e", "f", "g", "h", "i", "j", "k" and 3 more besides`},
		"UTF-16":        {"\xFF\xFEa\x00,\x00b\x00\n\x00", headed, "the content begins like UTF-16: set encoding to utf-16"},
		"UTF-32":        {"\xFF\xFE\x00\x00a\x00\x00\x00", headed, "the content is UTF-32, which is not read: convert it to UTF-8"},
		"UTF-32, big":   {"\x00\x00\xFE\xFF\x00\x00\x00a", headed, "the content is UTF-32, which is not read: convert it to UTF-8"},
		"gzip":          {"\x1F\x8B\x08\x00", Options{}, "the content is compressed with gzip: give the file a name that ends in .gz"},
		"zstd":          {"\x28\xB5\x2F\xFD\x00", Options{}, "the content is compressed with zstd: give the file a name that ends in .zst"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Open(whole(c.content+"\n"), "x.csv", c.opts, Position{})
			require.NoError(t, err)
			for range 2 {
				rows, err := r.Read(nil, 10)
				assert.Empty(t, rows)
				var header *HeaderError
				require.ErrorAs(t, err, &header)
				assert.EqualError(t, err, c.want)
				_, err = r.Finish(nil)
				assert.EqualError(t, err, c.want)
			}
			assert.Nil(t, r.Columns())
			checkAnyWay(t, c.content+"\n", "x.csv", c.opts)
		})
	}
}

func TestAcceptedDriftIsReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header string
		want   Drift
		words  string
	}{
		"none":    {"a,b,c", Drift{}, ""},
		"missing": {"a,c", Drift{Missing: []string{"b"}}, `lacks "b"`},
		"extra":   {"a,b,z,c", Drift{Extra: []string{"z"}}, `has "z" besides`},
		"order":   {"c,a,b", Drift{Reordered: true}, "has another order"},
		"all":     {"z,c,a", Drift{Missing: []string{"b"}, Extra: []string{"z"}, Reordered: true}, `lacks "b"; has "z" besides; has another order`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Open(whole(c.header+"\n"), "x.csv", Options{ParseHeaderRow: true, ExpectedHeaders: []string{"a", "b", "c"}}, Position{})
			require.NoError(t, err)
			_, err = r.Read(nil, 1)
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, c.want, r.Drift())
			assert.Equal(t, c.words, r.Drift().String())
			assert.Equal(t, c.words == "", r.Drift().None())
			assert.NotNil(t, r.Columns())
		})
	}
}

func TestAHeaderIsWaitedFor(t *testing.T) {
	t.Parallel()
	src := &growing{content: "\uFEFFa,\"b\nc\"\r\n1,2\n"}
	r, err := Open(src, "x.csv", headed, Position{})
	require.NoError(t, err)
	for !src.grow(1) {
		rows, err := r.Read(nil, 10)
		require.Empty(t, rows)
		require.ErrorIs(t, err, io.EOF)
	}
	rows, err := r.Read(nil, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, []string{"a", "b\nc"}, r.Columns())
	var header *HeaderError
	assert.False(t, errors.As(err, &header))
}
