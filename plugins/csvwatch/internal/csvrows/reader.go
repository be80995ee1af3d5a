package csvrows

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// Reader reads the rows of one content. Its methods may be called from several goroutines, one at a time comes in.
type Reader struct {
	mu     sync.Mutex
	closed atomic.Bool

	opts     Options
	syntax   *syntax
	comment  []byte
	limit    int  // bytes of a record
	converts bool // from another encoding
	src      source

	stage   stage
	start   Position // where to begin
	at      Position // how far rows were returned
	budget  int      // bytes that the call under way may still read
	passed  int      // lines before the header
	columns []string // the names in use
	header  []string // the names as they stand in the content
	drift   Drift
	doubt   string
	repeats int64 // repeated headers that were skipped
	width   int   // cells of each record; 0 while it is not known
	failed  error // what stays

	win       window
	records   []record // whole ones at the front of win
	spans     []span   // the cells of those with quotes
	behind    int      // where in win.buf the records end
	scan      scan     // the record under way, if it has quotes
	scanning  bool
	scanSpans int // where in spans its cells begin
	skip      *skipping
	scanAll   bool // no record is taken the quick way; for tests
}

// stage is what is to be read next.
type stage uint8

const (
	atMark      stage = iota // the byte order mark
	atFirstLine              // the first line, which may set the delimiter
	atSkipped                // lines to be skipped
	atHeader                 // the header
	atFirst                  // the first good record, to know the number of cells
	atStart                  // where to begin
	atRows                   // rows
)

// Open prepares reading src from at on, without reading yet. The extension of name (.gz, .zst) determines the compression.
// What comes before at is read again as far as it is needed: the header, and all of a compressed or converted content.
func Open(src io.ReaderAt, name string, opts Options, at Position) (*Reader, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if at.Offset < 0 || at.Row < 0 {
		return nil, fmt.Errorf("opening at byte %d, row %d: not a position", at.Offset, at.Row)
	}
	decoder, err := decoderFor(opts.Encoding)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		opts:     opts,
		syntax:   newSyntax(opts.delimiter(), opts.LazyQuotes, opts.TrimSpace),
		limit:    opts.maxRecordBytes(),
		converts: decoder != nil,
		src:      newSource(src, name, decoder),
		start:    at,
		width:    max(opts.ExpectedFields, 0),
	}
	r.opts.ExpectedHeaders = slices.Clone(opts.ExpectedHeaders)
	if opts.Comment != 0 {
		r.comment = []byte(string(opts.Comment))
	}
	return r, nil
}

// Read appends up to limit whole records to rows. It returns io.EOF, never together with new rows, when there is nothing
// more for now: it can be called again once src has grown. A *HeaderError and ErrDamaged stay; any other error leaves
// the reader where it was, and the call may be repeated.
//
// It goes through about ReadBytes of content at most, however much of that is no rows, and may therefore return fewer
// than there are, or none: then it is to be called again. A record that is longer is returned all the same.
func (r *Reader) Read(rows []Row, limit int) ([]Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.src.look()
	r.budget = ReadBytes
	rows, err := r.advance(rows, limit, false)
	if errors.Is(err, errSpent) {
		err = nil
	}
	return rows, err
}

// errSpent reports that the call under way has read as much as it may.
var errSpent = errors.New("the budget is spent")

// Finish reports that the content is complete, after Read returned io.EOF: it appends the last record even if it has no
// line end. If the source has grown since, nothing is taken and the error is ErrGrown. A compressed content that stops
// in the middle is ErrDamaged and io.ErrUnexpectedEOF, and its last, torn record is not taken. Reading may go on
// afterwards if the source grows yet; what comes then begins a new record.
func (r *Reader) Finish(rows []Row) ([]Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return rows, r.failed
	}
	r.src.look()
	r.budget = noLimit
	switch err := r.fill(); {
	case err == nil:
		return rows, ErrGrown
	case !errors.Is(err, io.EOF):
		return rows, err
	}
	if err := r.src.finish(); err != nil {
		return rows, err
	}
	// What decoders held back until they knew that this is the end.
	for {
		var err error
		rows, err = r.advance(rows, noLimit, false)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rows, err
		}
	}
	return r.advance(rows, noLimit, true)
}

// Columns are the names of the header; nil before it was read, or without Options.ParseHeaderRow. The slice is not to
// be changed.
func (r *Reader) Columns() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.columns
}

// Drift is how the header differs from Options.ExpectedHeaders; no difference before the header was read.
func (r *Reader) Drift() Drift {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drift
}

// Doubt is why the header may not be one, or may not have been read right, when there are no Options.ExpectedHeaders to
// compare it with; empty when it looks right.
func (r *Reader) Doubt() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doubt
}

// RepeatedHeaders is how many records were skipped for Options.SkipRepeatedHeaders so far.
func (r *Reader) RepeatedHeaders() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.repeats
}

// Position is behind the last row returned, and behind what follows it and is no row (empty lines, comments).
func (r *Reader) Position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage != atRows {
		return r.start
	}
	return r.at
}

// SourceBytes is how many bytes of src were read so far. For a plain UTF-8 file this is a little more than the offset
// of Position; for a compressed one it is how much of the file is done.
func (r *Reader) SourceBytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.src.consumed()
}

// Close frees what the reader holds; src stays open. A Read under way in another goroutine returns os.ErrClosed soon.
func (r *Reader) Close() error {
	r.closed.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = os.ErrClosed
	r.src.close()
	r.win.pos = r.win.end
	r.win.release()
	r.records, r.spans = nil, nil
	return nil
}

// noLimit asks for all rows.
const noLimit = math.MaxInt

// advance is Read, or with last the end of Finish: then the window ends where the content ends.
func (r *Reader) advance(rows []Row, limit int, last bool) ([]Row, error) {
	if r.failed != nil {
		return rows, r.failed
	}
	if r.stage != atRows {
		if err := r.prepare(last); last && errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return rows, r.keep(err)
		}
	}
	rows, err := r.body(rows, limit, last)
	return rows, r.keep(err)
}

// keep remembers an error that stays.
func (r *Reader) keep(err error) error {
	if header := (*HeaderError)(nil); errors.As(err, &header) {
		r.failed = err
	}
	return err
}

// body reads rows.
func (r *Reader) body(rows []Row, limit int, last bool) ([]Row, error) {
	had := len(rows)
	for len(rows)-had < limit {
		why := full
		if r.skip != nil {
			if rows = r.skipOn(rows, last); r.skip != nil {
				why = needsInput
			}
		} else {
			want := limit - (len(rows) - had)
			if r.width == 0 && r.opts.ExpectedFields != AnyFields {
				want = 1 // which determines what is expected of the others
			}
			why = r.splitRecords(want, last)
			rows = r.makeRows(rows)
			if why == recordTooLong {
				if r.stage == atHeader {
					return rows, r.tooLongError()
				}
				rows = r.tooLong(rows)
			}
		}
		if why != needsInput {
			continue
		}
		if last {
			return rows, nil
		}
		if err := r.fill(); err != nil {
			if len(rows) > had {
				return rows, nil // the error comes again
			}
			return rows, err
		}
	}
	return rows, nil
}

// fill reads more into the window.
func (r *Reader) fill() error {
	if r.closed.Load() {
		return os.ErrClosed
	}
	if r.budget <= 0 {
		return errSpent
	}
	room := r.win.room()
	room = room[:min(len(room), max(r.budget, leastRead))] // a long record has made it large
	if r.stage < atStart && r.start.Offset > 0 {
		room = room[:leastRead] // only the first record is wanted
	}
	n, err := r.src.read(room)
	r.win.end += n
	r.budget -= n
	if n > 0 {
		return nil
	}
	if r.win.pos == r.win.end {
		// Waiting for more costs no memory.
		r.win.release()
		r.records, r.spans = nil, nil
	}
	return err
}
