package watch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/content"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/csvrows"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

const (
	// stepBytes is about how much is parsed between two looks at the bounds.
	stepBytes = 256 << 10
	// turnBytes ends a turn of a file, however few rows it gave.
	turnBytes = 4 << 20
)

var (
	// errReplaced tells that the bytes that were read are no longer those of the file.
	errReplaced = errors.New("the content was replaced")
	// errElsewhere tells that the path leads to another file by now.
	errElsewhere = errors.New("another file has taken the name")
)

// opened is an open file in the middle of being read. It is for one goroutine at a time.
type opened struct {
	path  string
	opts  csvrows.Options
	file  *os.File
	rows  *csvrows.Reader
	plain bool // the offsets of rows are offsets in the file
	// torn tells that the reader of rows holds the beginning of a record whose rest was not there.
	torn bool
}

// open opens the file with this identity at path, to read on from at.
func open(path string, id fileid.ID, opts csvrows.Options, at csvrows.Position) (*opened, error) {
	f, err := fileid.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := fileid.OfFile(f)
	if err == nil && (st.ID != id || !st.Mode.IsRegular()) {
		err = errElsewhere
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &opened{path: path, opts: opts, file: f, plain: isPlain(path, opts)}
	if o.rows, err = csvrows.Open(f, path, opts, at); err != nil {
		f.Close()
		return nil, err
	}
	return o, nil
}

// isPlain tells that the offsets of rows are offsets in the file.
func isPlain(path string, opts csvrows.Options) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz", ".zst":
		return false
	}
	switch strings.ToLower(opts.Encoding) {
	case "", "utf-8", "utf8":
		return true
	}
	return false
}

func (o *opened) Close() {
	// Only reading was done: there is nothing that closing could lose.
	_ = o.rows.Close()
	_ = o.file.Close()
}

// taken is what one turn of a file gave.
type taken struct {
	rows []csvrows.Row
	end  mark
	// more tells that the turn ended before the content did.
	more bool
	// st is how the file was before the turn.
	st fileid.Stat
}

// take reads up to most rows that follow from. With finish, a last record without line end is taken too, provided that
// the file is still as it was seen. What it gives counts even if there is an error; reading goes on from where it ends.
func (o *opened) take(from mark, most int, finish bool, seen fileid.Stat) (t taken, err error) {
	t.end = from
	if t.st, err = fileid.OfFile(o.file); err != nil {
		return t, err
	}
	finish = finish && t.st.Size == seen.Size && t.st.Modified == seen.Modified
	if from.check == (content.Check{}) {
		// The beginning is remembered before it is read, so that a replacement during the turn shows.
		if from.check, err = content.Take(o.file, min(t.st.Size, content.Window)); err != nil {
			return t, replacedIfShort(err)
		}
		from.check = from.check.Beginning()
	}
	if o.plain && t.st.Size < from.at.Offset {
		return t, errReplaced
	}
	if err := o.dropTorn(from.at); err != nil {
		return t, err
	}
	t.rows, t.more, err = o.readRows(most, t.st.Size)
	if err == nil && !t.more && finish {
		t.rows, err = o.rows.Finish(t.rows)
	}
	if errors.Is(err, csvrows.ErrShrunk) {
		return taken{end: from, st: t.st}, errReplaced
	}
	at := o.rows.Position()
	end := max(o.rows.SourceBytes(), from.check.End)
	if o.plain {
		o.torn = !t.more && end > at.Offset
		end = at.Offset
	}
	check, checkErr := content.Take(o.file, end)
	if checkErr != nil {
		return taken{end: from, st: t.st}, replacedIfShort(checkErr)
	}
	// This check comes after everything else: as long as the old bytes stand, what was read behind them is theirs.
	holds, checkErr := from.check.Holds(o.file)
	if checkErr == nil && !holds {
		checkErr = errReplaced
	}
	if checkErr != nil {
		return taken{end: from, st: t.st}, checkErr
	}
	t.end = mark{at: at, check: check}
	if err == nil && !t.more && (finish || (o.plain && at.Offset == t.st.Size)) {
		t.end.whole, t.end.size, t.end.modified = true, t.st.Size, t.st.Modified
	}
	return t, err
}

// dropTorn makes the beginning of a torn record be read again: its writer may have taken it back and begun anew.
func (o *opened) dropTorn(at csvrows.Position) error {
	if !o.torn {
		return nil
	}
	rows, err := csvrows.Open(o.file, o.path, o.opts, at)
	if err != nil {
		return err
	}
	_ = o.rows.Close()
	o.rows, o.torn = rows, false
	return nil
}

// readRows reads until the end, most rows, or enough bytes, of a file of this size.
func (o *opened) readRows(most int, size int64) (rows []csvrows.Row, more bool, err error) {
	start := o.rows.Position().Offset
	if o.plain {
		// Rows are seldom shorter than this; a few more than needed cost less than to grow.
		rows = make([]csvrows.Row, 0, min(int64(most), max(0, size-start)/32+1))
	}
	step := min(most, 64)
	for len(rows) < most {
		had := len(rows)
		rows, err = o.rows.Read(rows, min(step, most-had))
		if errors.Is(err, io.EOF) {
			return rows, false, nil
		}
		if err != nil {
			return rows, true, err
		}
		read := o.rows.Position().Offset - start
		if read >= turnBytes {
			return rows, true, nil
		}
		if read > 0 && len(rows) > 0 {
			step = int(max(1, stepBytes/(read/int64(len(rows))+1)))
		}
	}
	return rows, true, nil
}

func replacedIfShort(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errReplaced
	}
	return fmt.Errorf("checking what was read: %w", err)
}
