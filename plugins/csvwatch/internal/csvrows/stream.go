package csvrows

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
)

const (
	// streamBytes is how much is decoded at a time.
	streamBytes = 64 << 10
	// maxZstdWindow is the largest window of a zstd frame that is accepted, the same as the zstd tool accepts by
	// default. It is the memory that such a file costs while it is read.
	maxZstdWindow = 128 << 20
)

// stream is a content that is compressed, or in another encoding, or both.
//
// The decoders of the standard kind take the end of their input as final, but a file may still be growing. So they run
// in a coroutine: where the file ends for now, the coroutine is left, and entered again at the same place later.
type stream struct {
	file    *file
	unpack  unpacker
	decoder *encoding.Decoder

	first     []byte // of what is converted
	next      func() (piece, bool)
	stop      func()
	pending   []byte // decoded and not read
	delivered int64  // bytes read so far
	discard   int64  // bytes to decode and drop, since they were read before the decoders were made anew
	complete  bool   // the file will not grow
	finished  bool   // the decoders know it
	ended     bool   // the decoders came to their end
	err       error  // why they cannot go on
}

// piece is what the coroutine hands over: bytes, or why there are none for now.
type piece struct {
	bytes []byte
	err   error
}

func (s *stream) read(p []byte) (int, error) {
	for {
		if len(s.pending) > 0 {
			n := copy(p, s.pending)
			s.pending = s.pending[n:]
			s.delivered += int64(n)
			return n, nil
		}
		if s.ended {
			if err := s.again(); err != nil {
				return 0, err
			}
		}
		if s.next == nil {
			s.next, s.stop = iter.Pull(s.run)
		}
		got, ok := s.next()
		if !ok {
			s.ended = true
			continue
		}
		if got.err != nil {
			return 0, got.err
		}
		drop := min(s.discard, int64(len(got.bytes)))
		s.discard -= drop
		s.pending = got.bytes[drop:]
	}
}

// again makes the decoders anew if they came to an end because the file was complete, and it has grown all the same.
func (s *stream) again() error {
	if s.complete || !s.finished {
		s.complete = false
		return s.endError()
	}
	if n, err := s.file.src.ReadAt(make([]byte, 1), s.file.offset); n == 0 {
		if errors.Is(err, io.EOF) {
			return s.endError()
		}
		return fmt.Errorf("reading at byte %d: %w", s.file.offset, err)
	}
	s.close()
	*s = stream{file: &file{src: s.file.src}, unpack: s.unpack, decoder: s.decoder, delivered: s.delivered, discard: s.delivered}
	return nil
}

func (s *stream) endError() error {
	if s.err != nil {
		return s.err
	}
	return io.EOF
}

func (s *stream) look() { s.file.look() }

func (s *stream) finish() error {
	s.complete = true
	return nil
}

func (s *stream) seek(int64) bool { return false }

func (s *stream) head() []byte { return s.first }

func (s *stream) consumed() int64 { return s.file.consumed() }

func (s *stream) close() {
	if s.stop != nil {
		s.stop()
	}
	s.next, s.stop, s.pending = nil, nil, nil
}

// errStopped makes the decoders come back when nobody wants more of them.
var errStopped = errors.New("stopped")

// run is the coroutine.
func (s *stream) run(yield func(piece) bool) {
	err := s.decode(yield)
	if err != nil && !errors.Is(err, errStopped) {
		s.err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
}

func (s *stream) decode(yield func(piece) bool) error {
	var src io.Reader = &waitingReader{stream: s, yield: yield}
	if s.unpack != nil {
		unpacked, free, err := s.unpack(bufio.NewReaderSize(src, streamBytes))
		if err != nil {
			return err
		}
		defer free()
		src = unpacked
	}
	if s.decoder != nil {
		src = s.decoder.Reader(&headReader{stream: s, src: src})
	}
	buf := make([]byte, streamBytes)
	for {
		n, err := src.Read(buf)
		if n > 0 && !yield(piece{bytes: buf[:n]}) {
			return errStopped
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// headReader remembers the first bytes that pass.
type headReader struct {
	stream *stream
	src    io.Reader
}

func (h *headReader) Read(p []byte) (int, error) {
	n, err := h.src.Read(p)
	if missing := headBytes - len(h.stream.first); missing > 0 {
		h.stream.first = append(h.stream.first, p[:min(n, missing)]...)
	}
	return n, err
}

// waitingReader reads the file for the decoders, and leaves the coroutine where there is nothing to read.
type waitingReader struct {
	stream *stream
	yield  func(piece) bool
}

func (w *waitingReader) Read(p []byte) (int, error) {
	for {
		n, err := w.stream.file.read(p)
		if n > 0 {
			return n, nil
		}
		if w.stream.complete && errors.Is(err, io.EOF) {
			w.stream.finished = true
			return 0, io.EOF
		}
		if !w.yield(piece{err: err}) {
			return 0, errStopped
		}
	}
}

// unpacker makes a reader of what is compressed in r, and a function that frees it.
type unpacker func(r *bufio.Reader) (io.Reader, func(), error)

func unpackZstd(r *bufio.Reader) (io.Reader, func(), error) {
	// One goroutine: the decoder reads only when it is read.
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}

func unpackGzip(r *bufio.Reader) (io.Reader, func(), error) {
	return &gzipMembers{src: r}, func() {}, nil
}

// gzipMembers reads one member after the other by itself: gzip.Reader would look for the next one before it hands over
// the end of the last.
type gzipMembers struct {
	src *bufio.Reader
	gz  *gzip.Reader
	in  bool // within a member
}

func (m *gzipMembers) Read(p []byte) (int, error) {
	for {
		if !m.in {
			if err := m.begin(); err != nil {
				return 0, err
			}
		}
		n, err := m.gz.Read(p)
		if errors.Is(err, io.EOF) {
			m.in = false
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// begin goes to the next member; io.EOF means that there is none. Zeros after the last one are padding.
func (m *gzipMembers) begin() error {
	for {
		b, err := m.src.ReadByte()
		if err != nil {
			return err
		}
		if b == 0 && m.gz != nil {
			continue
		}
		if err := m.src.UnreadByte(); err != nil {
			return err
		}
		break
	}
	if m.gz == nil {
		m.gz = new(gzip.Reader)
	}
	if err := m.gz.Reset(m.src); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	m.gz.Multistream(false)
	m.in = true
	return nil
}
