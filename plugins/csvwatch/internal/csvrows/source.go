package csvrows

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"golang.org/x/text/encoding"
)

// source returns the decoded content of a file, piece by piece.
type source interface {
	// read returns at least one byte, or io.EOF when there are none for now, or another error.
	read(p []byte) (int, error)
	// look makes the next read look at the file anew, even if it was just at its end.
	look()
	// finish reports that the file is complete.
	finish() error
	// seek goes to an offset of the content. It is not there for contents that can only be read from the start.
	seek(offset int64) bool
	// head is the first headBytes of a content that is converted, before it is, as far as they were read.
	head() []byte
	// consumed is how many bytes of the file were read.
	consumed() int64
	close()
}

func newSource(src io.ReaderAt, name string, decoder *encoding.Decoder) source {
	unpack := unpackerFor(name)
	if unpack == nil && decoder == nil {
		return &file{src: src}
	}
	return &stream{file: &file{src: src}, unpack: unpack, decoder: decoder}
}

// unpackerFor returns what the extension of name asks for, in capital letters or not; nil for a file that is not
// compressed.
func unpackerFor(name string) unpacker {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gz":
		return unpackGzip
	case ".zst":
		return unpackZstd
	}
	return nil
}

// file is a content that is the file itself.
type file struct {
	src    io.ReaderAt
	offset int64
	ended  bool
}

func (f *file) read(p []byte) (int, error) {
	if f.ended {
		return 0, io.EOF
	}
	n, err := f.src.ReadAt(p, f.offset)
	f.offset += int64(n)
	f.ended = errors.Is(err, io.EOF)
	switch {
	case n > 0:
		return n, nil
	case f.ended:
		return 0, io.EOF
	case err == nil:
		return 0, io.ErrNoProgress
	}
	return 0, fmt.Errorf("reading at byte %d: %w", f.offset, err)
}

func (f *file) look() { f.ended = false }

func (f *file) finish() error {
	if f.offset == 0 {
		return nil
	}
	var one [1]byte
	if n, err := f.src.ReadAt(one[:], f.offset-1); n == 0 && errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: nothing is at byte %d", ErrShrunk, f.offset)
	}
	return nil
}

func (f *file) seek(offset int64) bool {
	f.offset, f.ended = offset, false
	return true
}

func (f *file) head() []byte { return nil }

func (f *file) consumed() int64 { return f.offset }

func (f *file) close() {}
