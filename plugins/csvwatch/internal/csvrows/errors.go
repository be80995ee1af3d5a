package csvrows

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// What a Row.Err may be, for errors.Is; besides csv.ErrBareQuote, csv.ErrQuote and csv.ErrFieldCount of encoding/csv.
var (
	// ErrTooLong is a record of more than Options.MaxRecordBytes, most often because a quote was never closed.
	ErrTooLong = errors.New("record too long")
	// ErrInvalidText is a record with bytes that are no characters in the file's encoding.
	ErrInvalidText = errors.New("invalid text")
)

// What Read and Finish may return, for errors.Is.
var (
	// ErrGrown is returned by Finish when the source holds more than Read has seen.
	ErrGrown = errors.New("the content has grown: it is to be read on before it can be finished")
	// ErrShrunk is returned by Finish when the source holds less than was read, or than was said to be behind us.
	ErrShrunk = errors.New("the content has shrunk: it ends before the position reached")
	// ErrDamaged is a content that cannot be decoded any farther; one that only stops in the middle, at Finish, is
	// io.ErrUnexpectedEOF too.
	ErrDamaged = errors.New("damaged content")
)

// HeaderError reports that a file cannot be read because of how it begins. Reading the same content again gives it again.
type HeaderError struct {
	// Header are the names in it; nil when it could not be read.
	Header []string
	// Reason is in words.
	Reason string
	// Raw is the record that was taken for the header, at most MaxRawBytes of it; empty when there was none.
	Raw string
}

// Error implements error.
func (e *HeaderError) Error() string { return e.Reason }

// RecordError is the Row.Err of a bad record.
type RecordError struct {
	// Reason is in words, complete without the file's name and the row's number.
	Reason string
	// Kind is one of ErrTooLong, ErrInvalidText, csv.ErrBareQuote, csv.ErrQuote and csv.ErrFieldCount.
	Kind error
}

// Error implements error.
func (e *RecordError) Error() string { return e.Reason }

// Unwrap returns the kind.
func (e *RecordError) Unwrap() error { return e.Kind }

func (r *Reader) raggedError(cells int) error {
	against := "are expected"
	switch {
	case r.columns != nil:
		against = "are in the header"
	case r.opts.ExpectedFields == 0:
		against = "are in the first record"
	}
	return &RecordError{Kind: csv.ErrFieldCount, Reason: fmt.Sprintf("%s where %d %s", count(cells, "field"), r.width, against)}
}

// mostShown bounds the bytes of a name in a message.
const mostShown = 64

// shown is a name as a message has it: not longer than a person reads, and without what terminals and databases do not
// take as text.
func shown(name string) string {
	more := ""
	if len(name) > mostShown {
		name, more = name[:mostShown], "…"
		for !utf8.ValidString(name) && len(name) > mostShown-utf8.UTFMax {
			name = name[:len(name)-1]
		}
	}
	name = strconv.Quote(name)
	return name[1:len(name)-1] + more
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// quoteError returns the error of a quote in the wrong place, in the words of encoding/csv.
func (r *Reader) quoteError(kind error, cell, at int) error {
	field := fmt.Sprintf("field %d", cell+1)
	if cell < len(r.columns) {
		field += fmt.Sprintf(" (%s)", shown(r.columns[cell]))
	}
	return &RecordError{Kind: kind, Reason: fmt.Sprintf("%v: %s, byte %d of the record", kind, field, at+1)}
}

// straySwallows returns the error of an unclosed quote, whose lines were taken as records after all.
func straySwallows(kind error) error {
	return &RecordError{Kind: kind, Reason: fmt.Sprintf("%v: a quote in this record is not closed", kind)}
}

func (r *Reader) tooLongError() error {
	return &RecordError{Kind: ErrTooLong, Reason: fmt.Sprintf(
		"the record is longer than max_record_bytes (%d): a quote may not be closed", r.limit)}
}

// textError returns where line is not text. Decoders write U+FFFD for what they cannot convert.
func (r *Reader) textError(line string) error {
	for i, c := range line {
		if c != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
			return &RecordError{Kind: ErrInvalidText, Reason: fmt.Sprintf(
				"invalid UTF-8 (0x%02X) in byte %d of the record: set encoding if the file has another one", line[i], i+1)}
		}
		if r.converts {
			return &RecordError{Kind: ErrInvalidText, Reason: fmt.Sprintf(
				"bytes that are not valid %s before byte %d of the converted record", r.opts.Encoding, i+1)}
		}
	}
	return nil
}
