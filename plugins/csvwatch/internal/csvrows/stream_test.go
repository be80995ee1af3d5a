package csvrows

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

type packer interface {
	io.WriteCloser
	Flush() error
}

func newPacker(tb testing.TB, name string, w io.Writer) packer {
	tb.Helper()
	if filepath.Ext(name) == ".gz" {
		return gzip.NewWriter(w)
	}
	p, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	require.NoError(tb, err)
	return p
}

// packed compresses content as the extension of name tells.
func packed(tb testing.TB, name, content string) string {
	tb.Helper()
	if filepath.Ext(name) == ".csv" {
		return content
	}
	var b bytes.Buffer
	w := newPacker(tb, name, &b)
	_, err := io.WriteString(w, content)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return b.String()
}

var packedNames = []string{"x.csv.gz", "x.csv.zst"}

func someRows(n int) string {
	rng := rand.New(rand.NewPCG(7, 7))
	var b strings.Builder
	b.WriteString("\uFEFFa,b\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,\"%x\n\"\n", i, rng.Uint64())
	}
	return b.String()
}

func TestCompressedContentsReadLikePlainOnes(t *testing.T) {
	t.Parallel()
	content := someRows(300)
	want := readWhole(t, content, "x.csv", headed, Position{})
	require.Len(t, want.Rows, 300)
	for _, name := range packedNames {
		half := strings.Index(content, "\n100,") + 3 // within a row
		for kind, bytes := range map[string]string{
			"one member":     packed(t, name, content),
			"more members":   packed(t, name, content[:half]) + packed(t, name, "") + packed(t, name, content[half:half+1]) + packed(t, name, content[half+1:]),
			"an empty first": packed(t, name, "") + packed(t, name, content),
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				assert.Equal(t, want, readWhole(t, bytes, name, headed, Position{}))
				checkAnyWay(t, bytes, name, headed)
				checkAnyWay(t, bytes, strings.ToUpper(name), headed)
			})
		}
	}
	padded := packed(t, "x.gz", content) + strings.Repeat("\x00", 1000)
	assert.Equal(t, want, readWhole(t, padded, "x.gz", headed, Position{}), "zeros behind gzip are padding")
	assert.Equal(t, flat(result{}), readWhole(t, "", "x.gz", headed, Position{}), "an empty file is an empty content")
}

func TestFlushedCompressedDataIsReadAtOnce(t *testing.T) {
	t.Parallel()
	for _, name := range packedNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			w := newPacker(t, name, &b)
			src := &growing{}
			r, err := Open(src, name, Options{}, Position{})
			require.NoError(t, err)
			defer r.Close()
			for i := range 20 {
				fmt.Fprintf(w, "%d,x\n%d,torn", i, i)
				require.NoError(t, w.Flush())
				src.content = b.String()
				src.grow(b.Len())
				rows, err := r.Read(nil, 10)
				require.NoError(t, err)
				require.Len(t, rows, 1)
				_, err = r.Read(nil, 10)
				require.ErrorIs(t, err, io.EOF)
				fmt.Fprint(w, "\n\n")
				require.NoError(t, w.Flush())
				src.content = b.String()
				src.grow(b.Len())
				rows, err = r.Read(nil, 10)
				require.NoError(t, err)
				require.Len(t, rows, 1)
			}
			assert.Equal(t, int64(b.Len()), r.SourceBytes())
			require.NoError(t, w.Close())
			src.content = b.String()
			src.grow(b.Len())
			assert.Equal(t, result{Position: r.Position()}, drain(r, 10))

			// Another member comes although the content was said to be complete.
			src.content += packed(t, name, "again,y\n")
			src.grow(1000)
			got := drain(r, 10)
			assert.Equal(t, [][]string{{"again", "y"}}, got.fields())
			assert.Equal(t, int64(41), got.Rows[0].Number)
		})
	}
}

func TestATruncatedCompressedContentIsAnError(t *testing.T) {
	t.Parallel()
	content := someRows(50)
	for _, name := range packedNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full := readWhole(t, content, "x.csv", headed, Position{})
			bytes := packed(t, name, content)
			for n := 1; n < len(bytes); n++ {
				src := &growing{content: bytes}
				src.grow(n)
				r, err := Open(src, name, headed, Position{})
				require.NoError(t, err)
				var rows []Row
				for err == nil {
					rows, err = r.Read(rows, 10)
				}
				require.ErrorIs(t, err, io.EOF, "the rest may yet come")
				rows, err = r.Finish(rows)
				require.ErrorIs(t, err, ErrDamaged, "%d bytes", n)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", n)
				require.True(t, slices.EqualFunc(full.Rows[:len(rows)], rows, sameRow), "no torn row is taken")

				// The rest comes after all.
				src.grow(len(bytes))
				rest := drain(r, 10)
				require.Empty(t, rest.Err)
				require.True(t, slices.EqualFunc(full.Rows[len(rows):], rest.Rows, sameRow))
				require.NoError(t, r.Close())
			}
		})
	}
}

func sameRow(a, b Row) bool { return a.Number == b.Number && a.End == b.End && a.Raw == b.Raw }

func TestADamagedContentStaysDamaged(t *testing.T) {
	t.Parallel()
	content := someRows(3000)
	for _, name := range packedNames {
		for kind, damage := range map[string]func(b []byte) []byte{
			"no such format":  func([]byte) []byte { return []byte("a,b\n1,2\n3,4\n5,6\n7,8\n") },
			"a changed byte":  func(b []byte) []byte { b[len(b)/2] ^= 0x55; return b },
			"a wrong check":   func(b []byte) []byte { b[len(b)-5] ^= 0x55; return b },
			"something after": func(b []byte) []byte { return append(b, "not compressed"...) },
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				bytes := string(damage([]byte(packed(t, name, content))))
				src := whole(bytes)
				r, err := Open(src, name, headed, Position{})
				require.NoError(t, err)
				defer r.Close()
				got := drain(r, 1000)
				assert.Contains(t, got.Err, "damaged content: ")
				src.content += packed(t, name, content)
				src.grow(1 << 20)
				_, err = r.Read(nil, 10)
				require.ErrorIs(t, err, ErrDamaged)
				_, err = r.Finish(nil)
				require.ErrorIs(t, err, ErrDamaged)
			})
		}
	}
}

func TestOtherEncodingsAreConverted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names []string
		enc   encoding.Encoding
		text  string
	}{
		"UTF-16 little":  {[]string{"utf-16le", "UTF-16", "utf16", "UTF-16LE"}, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "é€𝄞"},
		"UTF-16 big":     {[]string{"utf-16be", "UTF-16BE"}, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "é€𝄞"},
		"UTF-16 marked":  {[]string{"utf-16", "utf-16be"}, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "é€𝄞"},
		"UTF-16 marked2": {[]string{"utf-16", "utf-16le"}, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "é€𝄞"},
		"Latin 1":        {[]string{"iso-8859-1", "ISO-8859-1"}, charmap.ISO8859_1, "é½"},
		"Windows":        {[]string{"windows-1252", "cp1252"}, charmap.Windows1252, "é€"},
		"Shift JIS":      {[]string{"shift_jis", "Shift_JIS", "sjis"}, japanese.ShiftJIS, "日本語表"},
		"ISO 2022":       {[]string{"iso-2022-jp"}, japanese.ISO2022JP, "日本語"},
		"GB 18030":       {[]string{"gb18030"}, simplifiedchinese.GB18030, "汉字€"},
		"UTF-8":          {[]string{"utf-8", "UTF-8", "utf8", ""}, unicode.UTF8, "é€𝄞"},
	} {
		content := "a,b\r\n1," + c.text + "\r\n\"2\",\"" + c.text + "\n" + c.text + "\"\r\n3,4,5\r\n" + strings.Repeat("6,"+c.text+"\r\n", 50)
		want := readWhole(t, content, "x.csv", headed, Position{})
		bytes, err := c.enc.NewEncoder().String(content)
		require.NoError(t, err)
		for _, enc := range c.names {
			t.Run(name+"/"+enc, func(t *testing.T) {
				t.Parallel()
				opts := with(headed, func(o *Options) { o.Encoding = enc })
				got := readWhole(t, bytes, "x.csv", opts, Position{})
				assert.Equal(t, want.fields(), got.fields())
				assert.Equal(t, want.Rows[1].Raw, got.Rows[1].Raw)
				checkAnyWay(t, bytes, "x.csv", opts)
				assert.Equal(t, got, readWhole(t, packed(t, "x.gz", bytes), "x.gz", opts, Position{}), "compressed too")
			})
		}
	}
}

func TestUnconvertibleBytesCostOneRow(t *testing.T) {
	t.Parallel()
	opts := with(headed, func(o *Options) { o.Encoding = "shift_jis" })
	content := "a,b\n1,\xFF\n2,\x93\xFA\n3,\x93"
	rows := readRows(t, content, opts)
	checkRows(t, []wanted{bad(ErrInvalidText, "1,\uFFFD"), good("2", "日"), bad(ErrInvalidText, "3,\uFFFD")}, rows)
	checkAnyWay(t, content, "x.csv", opts)

	rows = readRows(t, "a\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x003\x00,\x00\x00\xd8\n\x004\x00,\x005\x00\n", with(headed, func(o *Options) { o.Encoding = "utf-16" }))
	require.Len(t, rows, 3)
	require.ErrorIs(t, rows[1].Err, ErrInvalidText)
	require.ErrorIs(t, rows[2].Err, ErrInvalidText, "half a character at the end")
}

// Not parallel: it counts goroutines.
func TestCloseLeavesNoGoroutineBehind(t *testing.T) {
	for _, name := range packedNames {
		r, err := Open(whole(packed(t, name, someRows(1000))), name, headed, Position{})
		require.NoError(t, err)
		before := runtime.NumGoroutine()
		_, err = r.Read(nil, 1)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		assert.LessOrEqual(t, runtime.NumGoroutine(), before)
	}
}
