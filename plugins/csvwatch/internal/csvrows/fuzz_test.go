package csvrows

import (
	"encoding/csv"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzOptions makes options of one byte.
func fuzzOptions(b byte) Options {
	o := Options{LazyQuotes: b&1 != 0, ExpectedFields: AnyFields}
	if b&2 != 0 {
		o.Comment = '#'
	}
	o.Delimiter = []rune{',', ';', '§', '\t'}[b>>2&3]
	return o
}

// FuzzAgainstEncodingCSV compares record by record with encoding/csv, bad quotes included, wherever the two mean to do
// the same. They differ on purpose in three things: a lone CR ends a record here, line ends within quotes stay as they
// came, and text is checked.
func FuzzAgainstEncodingCSV(f *testing.F) {
	for _, content := range []string{
		"a,b\n1,2\n", "a,b\r\n\r\n1,2", "\"a\",\"b,c\"\n\"d\"\"e\",\"f\r\ng\"\n", "a\"b,c\n\"d\"e,f\n\"g\nh\"i\nj\n", "#x\n#\"\n1,#\n", "§1§\"2§3\"§\n",
		"\"", "\"\"", "\"\"\"", ",\",\n", "\n\n\"\n\n", ",\n,,\n", "\"a\nb", "\"a\"\r\n\r\n", "a;\"b;c\";\t\"d\"\te\n", " \"a\" ,\"b\" \n",
	} {
		for b := range byte(16) {
			f.Add(content, b)
		}
	}
	f.Fuzz(func(t *testing.T, content string, b byte) {
		if checkAgainstReference(t, content, fuzzOptions(b)) {
			t.Skip("meant to be different")
		}
	})
}

// checkAgainstReference reports whether the two readers are meant to differ.
func checkAgainstReference(t *testing.T, content string, opts Options) (different bool) {
	if !utf8.ValidString(content) || strings.Contains(strings.ReplaceAll(content, "\r\n", ""), "\r") || strings.HasPrefix(content, "\uFEFF") {
		return true
	}
	ref := csv.NewReader(strings.NewReader(content))
	ref.Comma, ref.Comment, ref.LazyQuotes, ref.FieldsPerRecord = opts.Delimiter, opts.Comment, opts.LazyQuotes, -1

	r, err := Open(strings.NewReader(content), "x.csv", opts, Position{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for err == nil {
		rows, err = r.Read(rows, 100)
	}
	if rows, err = r.Finish(rows); err != nil {
		if header := (*HeaderError)(nil); errors.As(err, &header) {
			return true // it is known to be no CSV
		}
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(content, "\n"); strings.Contains(strings.ToLower(first), "sep=") {
		return true // a first line that sets the delimiter
	}
	for i := 0; ; i++ {
		want, err := ref.Read()
		if errors.Is(err, io.EOF) {
			if i != len(rows) {
				t.Fatalf("%q: %d rows, not %d: %q", content, len(rows), i, raws(rows))
			}
			return false
		}
		if i == len(rows) {
			t.Fatalf("%q: only %d rows; then %q, %v", content, i, want, err)
		}
		got := rows[i]
		if err != nil {
			if parse := (*csv.ParseError)(nil); !errors.As(err, &parse) || !errors.Is(got.Err, parse.Err) {
				t.Fatalf("%q: row %d is %q, %v, not %v", content, i+1, got.Fields, got.Err, err)
			}
			continue
		}
		cells := slices.Clone(got.Fields)
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "\r\n", "\n")
		}
		if got.Err != nil || !slices.Equal(cells, want) {
			t.Fatalf("%q: row %d is %q, %v, not %q", content, i+1, got.Fields, got.Err, want)
		}
		if end := ref.InputOffset(); got.End != end {
			t.Fatalf("%q: row %d ends at %d, not %d", content, i+1, got.End, end)
		}
	}
}

func TestGeneratedContentsReadLikeEncodingCSV(t *testing.T) {
	t.Parallel()
	compared := 0
	for seed := range uint64(10_000) {
		content, _ := anyContent(rand.New(rand.NewPCG(seed, 5)))
		content = strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\r", "x")
		content = strings.ReplaceAll(strings.ToValidUTF8(content, "?"), "\n", []string{"\n", "\r\n"}[seed%2])
		if !checkAgainstReference(t, strings.TrimPrefix(content, "\uFEFF"), fuzzOptions(byte(seed>>1))) {
			compared++
		}
	}
	if compared < 7_000 {
		t.Errorf("only %d contents could be compared", compared)
	}
}

func raws(rows []Row) []string {
	var all []string
	for _, row := range rows {
		all = append(all, row.Raw)
	}
	return all
}

// FuzzAnyGrowth checks that the way a content grows, and where reading is resumed, makes no difference.
func FuzzAnyGrowth(f *testing.F) {
	for seed := range uint64(40) {
		content, opts := anyContent(rand.New(rand.NewPCG(seed, 3)))
		f.Add(content, byte(seed), byte(opts.MaxRecordBytes), seed)
	}
	f.Fuzz(func(t *testing.T, content string, b, limit byte, seed uint64) {
		opts := fuzzOptions(b)
		opts.MaxRecordBytes = int(limit)
		opts.ParseHeaderRow = b&16 != 0
		opts.ExpectedFields = int(b >> 5 & 3)
		opts.TrimSpace = b&128 != 0
		opts.SkipRepeatedHeaders = opts.ParseHeaderRow && seed&1 != 0
		opts.SkipRows = int(seed >> 1 & 3)
		checkQuickly(t, content, "x.csv", opts, seed)
	})
}

// checkQuickly is checkAnyWay for one schedule.
func checkQuickly(t *testing.T, content, name string, opts Options, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 4))
	want := readWhole(t, content, name, opts, Position{})
	if got := readScanning(t, content, name, opts); !same(want, got) {
		t.Fatalf("%q %+v: scanned %+v, not %+v", content, opts, got, want)
	}
	if got := readGrowing(t, content, name, opts, Position{}, rng, 1+rng.IntN(len(content)+1)); !same(want, got) {
		t.Fatalf("%q %+v: grown %+v, not %+v", content, opts, got, want)
	}
	if len(want.Rows) == 0 {
		return
	}
	i := rng.IntN(len(want.Rows))
	at := Position{Offset: want.Rows[i].End, Row: want.Rows[i].Number}
	want.Rows = want.Rows[i+1:]
	if got := readWhole(t, content, name, opts, at); !same(want, got) {
		t.Fatalf("%q %+v: resumed at %+v %+v, not %+v", content, opts, at, got, want)
	}
}

func same(a, b result) bool {
	return slices.Equal(a.Columns, b.Columns) && a.Err == b.Err && a.Position == b.Position &&
		slices.EqualFunc(a.Rows, b.Rows, func(a, b Row) bool {
			return a.Number == b.Number && slices.Equal(a.Fields, b.Fields) && a.Raw == b.Raw && a.End == b.End && a.Err == b.Err
		})
}

// FuzzDecoding reads anything as compressed or as text in another encoding: it ends, and growth makes no difference.
func FuzzDecoding(f *testing.F) {
	content := "a,b\n1,é\n\"2\",\"x\ny\"\n"
	for i, name := range packedNames {
		f.Add(packed(f, name, content), byte(i), byte(0), uint64(i))
		f.Add(packed(f, name, content[:9])+packed(f, name, content[9:]), byte(i), byte(0), uint64(i))
	}
	for i := range fuzzEncodings {
		f.Add("a\x00,\x00b\x00\n\x001\x00,\x00\xe9\x00", byte(2), byte(i), uint64(i))
		f.Add("\xFE\xFF\x00a\x00\n\xD8\x00", byte(2), byte(i), uint64(i))
		f.Add("a,b\n\x1b$B,\x93\xFA\xFF", byte(2), byte(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, bytes string, name, enc byte, seed uint64) {
		opts := Options{ParseHeaderRow: seed&1 == 0, Encoding: fuzzEncodings[int(enc)%len(fuzzEncodings)]}
		checkQuickly(t, bytes, append(packedNames, "x.csv")[name%3], opts, seed)
	})
}

var fuzzEncodings = []string{"", "utf-16", "utf-16be", "windows-1252", "shift_jis", "gb18030", "iso-2022-jp", "euc-kr", "big5"}
