// Package csvrows turns the bytes of one CSV file, which may still be growing, into rows.
//
// It knows nothing of Benthos, of paths or of checkpoints: it is given an io.ReaderAt, a name whose extension gives
// the compression, and a [Position] to begin at, and it yields whole records only. What one bad record costs is one
// bad [Row]; what a file costs in memory does not depend on its size.
//
// # What a record is
//
// LF, CRLF and a lone CR each end a record, unless they stand between quotes, where they are content and stay as they
// came. Empty lines are no records, nor are comments. A quote is special only as the first character of a cell and
// within a cell that began with one, where it is written twice: as in encoding/csv, whose errors for a quote in
// another place are used here too. Spaces and NUL bytes are content.
//
// # What a bad record costs
//
// A record with a bad quote ends where its line ends. But if it has swallowed whole lines, because a quote was opened
// by mistake, and most of these make sense by themselves (well written, and with the number of cells that all have),
// then it ends before the first of them. A record longer than Options.MaxRecordBytes ends likewise before the first
// line that makes sense: if none does within the limit, lines are passed by until one does, without being held in
// memory. Both searches go over each byte of a file a constant number of times, however it is written. A file of
// one column has no line that does not make sense, so there it is only the long record that is given up early.
//
// # What it costs
//
// A reader holds about 256 KiB while it reads and next to nothing while it waits at the end of a content; for a record
// under way up to about four times its length, and so four times Options.MaxRecordBytes. The rows of a call take their
// own bytes and 16 bytes a cell, in a few allocations for all. A compressed or converted content costs its decoder
// besides: some 100 KiB, for zstd the window that the file asks for (at most 128 MiB), and a goroutine until Close.
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

// Options says how a file is written. The zero value reads comma-separated UTF-8 without a header.
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

// Position says how much of a content is behind us. The zero value is its start.
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
	// Raw is the record as it came, without its line end, at most MaxRawBytes of it. With Options.Encoding it is the
	// text after conversion to UTF-8.
	Raw string
	// End is the Position.Offset once this row is behind us: opening at (End, Number) goes on with the next row.
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
