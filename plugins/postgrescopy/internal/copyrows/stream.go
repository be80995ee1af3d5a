package copyrows

import (
	"encoding/binary"
	"io"
	"sync"
)

// copyHeader begins a Stream of binary COPY: a signature, no flags, no
// extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// copyTrailer ends it.
const copyTrailer = "\xff\xff"

// Stream reads the rows of a group as a stream of binary COPY. It copies from
// their buffer into the reader's, rows that lie side by side at once.
//
// pgx reads it in a goroutine of its own, and does not always wait for that one
// when a connection breaks. So Stop must be called before the rows are released.
type Stream struct {
	mu       sync.Mutex
	stopped  bool
	group    Group
	numbered bool // put each row's number in front, as an int4
	first    int  // the number of the first row

	pending []byte // what of the current piece is not read yet
	next    int    // in group.Order
	started bool
	ended   bool
	number  [10]byte // room for the front of a numbered row
	body    []byte   // the rest of a numbered row, after number
}

// Stream returns the rows as they are.
func (g Group) Stream() *Stream { return &Stream{group: g} }

// NumberedStream returns the rows for a table whose first column takes the rows'
// numbers, in the order of the group, from first on.
func (g Group) NumberedStream(first int) *Stream {
	return &Stream{group: g, numbered: true, first: first}
}

// Stop ends the stream, and waits for a Read that is under way.
func (s *Stream) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// Read returns the next bytes of the stream.
func (s *Stream) Read(p []byte) (n int, err error) {
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

// refill points pending at the next piece, and reports whether there is one.
func (s *Stream) refill() bool {
	order, rows, buf := s.group.Order, s.group.Rows.rows, s.group.Rows.buf
	switch {
	case !s.started:
		s.started = true
		s.pending = []byte(copyHeader)
	case s.body != nil:
		s.pending, s.body = s.body, nil
	case s.next < len(order) && s.numbered:
		r := &rows[order[s.next]]
		binary.BigEndian.PutUint16(s.number[0:], uint16(s.group.Set.Fields+1))
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
