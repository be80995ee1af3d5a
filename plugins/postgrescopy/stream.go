package postgrescopy

import (
	"encoding/binary"
	"io"
	"sync"
)

// copyHeader begins a stream of binary COPY: a signature, no flags, no
// extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// copyTrailer ends it.
const copyTrailer = "\xff\xff"

// stream gives the rows of a unit as a stream of binary COPY. It copies from the
// batch's buffer into the reader's, rows that lie side by side at once.
//
// pgx reads it in a goroutine of its own, and does not always wait for that one
// when a connection breaks. So stop must be called before the batch is released.
type stream struct {
	mu       sync.Mutex
	stopped  bool
	unit     unit
	numbered bool // put each row's number in front, as an int4
	first    int  // the number of the first row

	pending []byte // what of the current piece is not read yet
	next    int    // in unit.order
	started bool
	ended   bool
	number  [10]byte // room for the front of a numbered row
	body    []byte   // the rest of a numbered row, after number
}

func (u unit) stream() *stream { return &stream{unit: u} }

// numberedStream is a stream for a table whose first column takes the rows'
// numbers, in the order of the unit, from first on.
func (u unit) numberedStream(first int) *stream {
	return &stream{unit: u, numbered: true, first: first}
}

// stop ends the stream, and waits for a Read that is under way.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// Read gives the next bytes of the stream.
func (s *stream) Read(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return 0, io.ErrClosedPipe
	}
	for n < len(p) {
		if len(s.pending) == 0 && !s.refill() {
			return n, io.EOF
		}
		copied := copy(p[n:], s.pending)
		s.pending = s.pending[copied:]
		n += copied
	}
	return n, nil
}

// refill points pending at the next piece, and says whether there is one.
func (s *stream) refill() bool {
	order, rows, buf := s.unit.order, s.unit.batch.rows, s.unit.batch.buf
	switch {
	case !s.started:
		s.started = true
		s.pending = []byte(copyHeader)
	case s.body != nil:
		s.pending, s.body = s.body, nil
	case s.next < len(order) && s.numbered:
		r := &rows[order[s.next]]
		binary.BigEndian.PutUint16(s.number[0:], uint16(s.unit.shape.fields+1))
		binary.BigEndian.PutUint32(s.number[2:], 4)
		binary.BigEndian.PutUint32(s.number[6:], uint32(s.first+s.next))
		s.pending = s.number[:]
		s.body = buf[r.from+2 : r.to]
		s.next++
	case s.next < len(order):
		from, to := rows[order[s.next]].from, rows[order[s.next]].to
		for s.next++; s.next < len(order) && rows[order[s.next]].from == to; s.next++ {
			to = rows[order[s.next]].to
		}
		s.pending = buf[from:to]
	case !s.ended:
		s.ended = true
		s.pending = []byte(copyTrailer)
	default:
		return false
	}
	return true
}
