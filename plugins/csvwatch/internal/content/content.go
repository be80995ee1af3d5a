// Package content remembers what was consumed of a file by a hash over all of it, so that a place in the file is only
// trusted as long as every byte before it is still the same.
package content

import (
	"errors"
	"io"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Window is how many bytes before the end Check.Tail covers.
const Window = 1024

// Check remembers the bytes before a place in a file. The zero Check is the start of any file.
type Check struct {
	// End is the place, in bytes as they lie on disk.
	End int64 `json:"end,omitempty"`
	// Sum is the xxHash64 of all bytes before End.
	Sum uint64 `json:"sum,omitempty"`
	// Tail is that of the last Window bytes before End, or of all if there are fewer.
	Tail uint64 `json:"tail,omitempty"`
}

// TailHolds reports whether the last bytes before c.End are as they were. It is cheap and proves little.
func (c Check) TailHolds(src io.ReaderAt) (bool, error) {
	n := int(min(c.End, Window))
	buf := buffers.Get().(*[bufferBytes]byte)
	defer buffers.Put(buf)
	got, err := src.ReadAt(buf[:n], c.End-int64(n))
	if got < n {
		if err == nil || errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	return xxhash.Sum64(buf[:n]) == c.Tail, nil
}

// Hash is the running hash of the first bytes of a file. The zero Hash is not ready: use NewHash.
type Hash struct {
	sum  xxhash.Digest
	end  int64
	last [Window]byte // of the bytes written, in a ring: byte n of the file is last[n%Window]
}

// NewHash returns the hash of nothing.
func NewHash() *Hash {
	h := new(Hash)
	h.sum.Reset()
	return h
}

// Write adds bytes. It never fails.
func (h *Hash) Write(p []byte) (int, error) {
	n := len(p)
	_, _ = h.sum.Write(p)
	at := h.end + int64(max(0, n-Window))
	for tail := p[max(0, n-Window):]; len(tail) > 0; {
		copied := copy(h.last[at%Window:], tail)
		tail, at = tail[copied:], at+int64(copied)
	}
	h.end += int64(n)
	return n, nil
}

// Check returns the check of what was written so far.
func (h *Hash) Check() Check {
	if h.end == 0 {
		return Check{}
	}
	c := Check{End: h.end, Sum: h.sum.Sum64()}
	if h.end <= Window {
		c.Tail = xxhash.Sum64(h.last[:h.end])
		return c
	}
	var tail xxhash.Digest
	tail.Reset()
	from := h.end % Window
	_, _ = tail.Write(h.last[from:])
	_, _ = tail.Write(h.last[:from])
	c.Tail = tail.Sum64()
	return c
}

// Clone returns a hash that goes on independently.
func (h *Hash) Clone() *Hash {
	c := *h
	return &c
}

const bufferBytes = 256 << 10

var buffers = sync.Pool{New: func() any { return new([bufferBytes]byte) }}

// readUpTo adds the bytes of src from where h ends up to end. The error is io.ErrUnexpectedEOF when src is shorter.
func (h *Hash) readUpTo(src io.ReaderAt, end int64) error {
	buf := buffers.Get().(*[bufferBytes]byte)
	defer buffers.Put(buf)
	for h.end < end {
		n, err := src.ReadAt(buf[:min(bufferBytes, end-h.end)], h.end)
		_, _ = h.Write(buf[:n])
		if n == 0 || (err != nil && h.end < end) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}
