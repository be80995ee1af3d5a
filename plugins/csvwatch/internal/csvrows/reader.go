package csvrows

import (
	"errors"
	"io"
)

// Reader reads the rows of one content. It is for one goroutine at a time; only Close may come from another.
type Reader struct{}

// Open prepares reading src from at on, without reading yet. The extension of name (.gz, .zst) tells the compression.
// The header is read again from the start, and a compressed or converted content is decoded again up to at.
func Open(src io.ReaderAt, name string, opts Options, at Position) (*Reader, error) {
	return nil, errors.New("not built yet")
}

// Read appends up to max whole records to rows. It returns io.EOF, never together with new rows, when there is nothing
// more for now: it can be called again once src has grown. A *HeaderError stays; any other error may be tried again.
func (r *Reader) Read(rows []Row, max int) ([]Row, error) { return rows, io.EOF }

// Finish tells that the content is complete, after Read returned io.EOF: it appends the last record even if it has no
// line end. If the source has grown since, nothing is taken and the error is ErrGrown. A compressed content that stops
// in the middle is an error that wraps io.ErrUnexpectedEOF. Reading may go on afterwards if the source grows yet.
func (r *Reader) Finish(rows []Row) ([]Row, error) { return rows, nil }

// Columns are the names of the header; nil before it was read, or without Options.ParseHeaderRow.
func (r *Reader) Columns() []string { return nil }

// Position is behind the last row returned, and behind what followed it and is no row (empty lines, comments).
func (r *Reader) Position() Position { return Position{} }

// Close frees what the reader holds; src stays open. A Read under way in another goroutine returns os.ErrClosed soon.
func (r *Reader) Close() error { return nil }
