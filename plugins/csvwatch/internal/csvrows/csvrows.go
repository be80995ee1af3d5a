// Package csvrows reads the rows of a CSV file, which may still be growing.
//
// It knows nothing of Benthos, paths or checkpoints. It reads from an io.ReaderAt, with a name whose extension determines
// the compression and a [Position] to begin at, and returns complete records only. A bad record costs one bad [Row], and
// memory does not depend on the size of the file.
//
// # What a record is
//
// LF, CRLF and a lone CR each end a record, except within quotes, where they are content. Empty lines and comments are
// not records. As in encoding/csv, a quote is special only as the first character of a cell and within a quoted cell,
// where it is doubled; a misplaced quote has the error of encoding/csv. Spaces and NUL bytes are content.
//
// # What a bad record costs
//
// A record with a bad quote ends at its line end. But if an unclosed quote has made it include whole lines, most of which
// are valid records by themselves (well-formed and with the right number of cells), it ends before the first of them. A
// record longer than Options.MaxRecordBytes also ends before the first valid line. If there is none within the limit,
// lines are skipped until there is one, without being held in memory. Both searches read each byte of a file a constant
// number of times, whatever its content. In a file of one column every line is valid, so only long records are split.
//
// # What it costs
//
// A reader holds about 256 KiB while it reads and next to nothing while it waits at the end of a content. An incomplete
// record takes up to four times its length, and so four times Options.MaxRecordBytes. The rows of a call take their bytes
// and 16 bytes per cell, in a few allocations. A compressed or converted content adds its decoder: about 100 KiB, for
// zstd the window of the file (at most 128 MiB), and a goroutine until Close.
package csvrows

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

const (
	// MaxRawBytes bounds Row.Raw: of a longer record the first MaxRawBytes bytes are kept (up to three fewer, so that
	// no character is cut in two).
	MaxRawBytes = 64 << 10

	// ReadBytes is about how much of a content one call of Reader.Read goes through at most.
	ReadBytes = chunkBytes

	// DefaultMaxRecordBytes is what Options.MaxRecordBytes means when it is zero.
	DefaultMaxRecordBytes = 1 << 20

	// LargestMaxRecordBytes is the most that Options.MaxRecordBytes may be.
	LargestMaxRecordBytes = 1 << 30
)

// Options describes the format of a file. The zero value reads comma-separated UTF-8 without a header.
type Options struct {
	// Delimiter stands between cells; zero means a comma. Not a quote, a line end or U+FFFD.
	Delimiter rune
	// Comment, when not zero, begins lines that are skipped.
	Comment rune
	// LazyQuotes lets a quote stand in an unquoted cell, and a single one in a quoted cell, as encoding/csv does.
	LazyQuotes bool

	// SkipRows is how many lines stand before the header, or without one before the first record. A first line that sets
	// the delimiter (sep=;) is recognised in any case, and is one of them.
	SkipRows int
	// ParseHeaderRow takes the first record as the names of the columns. One without a name gets the name column_N, where N
	// is its place from 1.
	ParseHeaderRow bool
	// SkipRepeatedHeaders leaves out records that are the header once more, also behind a byte order mark; needs
	// ParseHeaderRow. They keep their numbers.
	SkipRepeatedHeaders bool
	// ExpectedHeaders are the columns that files should have; needs ParseHeaderRow. RejectMissing and RejectDrift say what a
	// difference means; a header that has none of them is an error in any case.
	ExpectedHeaders []string
	// RejectMissing makes an error of a header that lacks an expected column.
	RejectMissing bool
	// RejectDrift makes an error of a header that lacks an expected column, has another one, or has another order.
	RejectDrift bool
	// ExpectedFields is the number of cells of each record. Zero: as many as the header has, or, without one, as the
	// first good record has. AnyFields: no check; needs a file without header.
	ExpectedFields int

	// TrimSpace takes white space off both ends of each cell and column name, as strings.TrimSpace does, within quotes and
	// around them.
	TrimSpace bool

	// MaxRecordBytes bounds one record without its line end, in bytes of decoded content. Zero means
	// DefaultMaxRecordBytes.
	MaxRecordBytes int
	// Encoding names the character set by its IANA or WHATWG name; empty means UTF-8.
	Encoding string
}

// AnyFields as Options.ExpectedFields accepts records of any number of cells.
const AnyFields = -1

// Position is how far a content was read. The zero value is its start.
type Position struct {
	// Offset is in bytes of the decoded content: after decompression and after conversion to UTF-8. For a plain UTF-8
	// file it is the offset in the file, byte order mark and header included.
	Offset int64
	// Row is the number of data records, bad ones included, before Offset.
	Row int64
}

// Row is one record. Its strings share memory with those of the rows read in the same call.
type Row struct {
	// Number counts the data records of the file, bad ones included, from 1.
	Number int64
	// Fields are the cells in the order of Columns; nil when Err is set. Quotes are taken off, and space with
	// Options.TrimSpace; line ends within quotes are left as they came.
	Fields []string
	// Raw is the original record without its line end, at most MaxRawBytes of it. With Options.Encoding it is the text
	// after conversion to UTF-8.
	Raw string
	// End is the Position.Offset after this row: opening at (End, Number) continues with the next row.
	End int64
	// Err is why the record is bad, nil when it is good.
	Err error
}

// Validate returns what is wrong with o, in the words of the configuration's fields.
func (o Options) Validate() error {
	if o.Delimiter != 0 && !separates(o.Delimiter) {
		return fmt.Errorf("delimiter %q is not possible: use a character other than a quote or a line end", o.Delimiter)
	}
	if o.Comment != 0 && !separates(o.Comment) {
		return fmt.Errorf("comment %q is not possible: use a character other than a quote or a line end", o.Comment)
	}
	if o.Comment != 0 && o.Comment == o.delimiter() {
		return fmt.Errorf("comment and delimiter are both %q: use two different characters", o.Comment)
	}
	if o.SkipRows < 0 {
		return errors.New("skip_rows must not be negative")
	}
	if !o.ParseHeaderRow && o.SkipRepeatedHeaders {
		return errors.New("skip_repeated_headers needs parse_header_row: true")
	}
	if !o.ParseHeaderRow && len(o.ExpectedHeaders) > 0 {
		return errors.New("expected_headers needs parse_header_row: true")
	}
	if o.RejectDrift && len(o.ExpectedHeaders) == 0 {
		return errors.New("schema_drift: reject needs expected_headers to compare with")
	}
	seen := make(map[string]bool, len(o.ExpectedHeaders))
	for _, name := range o.ExpectedHeaders {
		if name == "" || seen[name] {
			return fmt.Errorf("expected_headers has %q twice or empty: name each column once", name)
		}
		seen[name] = true
	}
	if o.ExpectedFields < AnyFields || (o.ExpectedFields == AnyFields && o.ParseHeaderRow) {
		return fmt.Errorf("expected_number_of_fields is %d: use a positive number, or leave it out", o.ExpectedFields)
	}
	if n := len(o.ExpectedHeaders); n > 0 && o.RejectDrift && o.ExpectedFields > 0 && o.ExpectedFields != n {
		return fmt.Errorf("expected_number_of_fields is %d but expected_headers has %d names: leave the number out", o.ExpectedFields, n)
	}
	if o.MaxRecordBytes < 0 || o.MaxRecordBytes > LargestMaxRecordBytes {
		return fmt.Errorf("max_record_bytes is %d: use a number from 1 to %d", o.MaxRecordBytes, LargestMaxRecordBytes)
	}
	_, err := decoderFor(o.Encoding)
	return err
}

// Plain reports whether the content of a file of this name is the file itself, so that the offsets of rows are offsets in
// the file.
func (o Options) Plain(name string) bool {
	decoder, err := decoderFor(o.Encoding)
	return err == nil && decoder == nil && unpackerFor(name) == nil
}

func (o Options) delimiter() rune {
	if o.Delimiter == 0 {
		return ','
	}
	return o.Delimiter
}

func (o Options) maxRecordBytes() int {
	if o.MaxRecordBytes == 0 {
		return DefaultMaxRecordBytes
	}
	return o.MaxRecordBytes
}

// separates reports whether c can stand between cells without being mistaken for something else.
func separates(c rune) bool {
	return c != '"' && c != '\r' && c != '\n' && utf8.ValidRune(c) && c != utf8.RuneError
}
