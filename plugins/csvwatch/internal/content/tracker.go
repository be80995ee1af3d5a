package content

import (
	"bytes"
	"errors"
	"io"
)

const (
	// mostHeld bounds what is kept in memory of bytes that were read and not yet consumed.
	mostHeld = 1 << 20
	// leastHeld is how much of them stays when there are more.
	leastHeld = 64 << 10
)

// Tracker passes the reads of a file on and hashes what is consumed of it, exactly as it was read. Bytes that were read
// and not yet consumed are held. It is for one goroutine at a time.
type Tracker struct {
	src  io.ReaderAt
	hash *Hash  // of what was consumed
	held []byte // what was read beyond, from heldAt on
	at   int64  // where held begins: the end of what was consumed, or farther on if that would be too much
}

// Track returns a tracker of src, of which what is in hash was consumed. The tracker owns the hash from then on.
func Track(src io.ReaderAt, hash *Hash) *Tracker {
	return &Tracker{src: src, hash: hash, at: hash.end}
}

// ReadAt implements io.ReaderAt.
func (t *Tracker) ReadAt(p []byte, off int64) (int, error) {
	n, err := t.src.ReadAt(p, off)
	end := t.at + int64(len(t.held))
	if off <= end && off+int64(n) > end {
		t.held = append(t.held, p[end-off:n]...)
		if len(t.held) > mostHeld {
			drop := len(t.held) - leastHeld
			t.at += int64(drop)
			t.held = append(t.held[:0:0], t.held[drop:]...)
		}
	}
	return n, err
}

// Consume moves the end of what was consumed to a place that was read, and returns its check. What is no longer held is
// read again; the error is io.ErrUnexpectedEOF when it is gone.
func (t *Tracker) Consume(end int64) (Check, error) {
	if err := t.hash.readUpTo(t.src, min(end, t.at)); err != nil {
		return Check{}, err
	}
	if n := end - t.at; n > 0 {
		n = min(n, int64(len(t.held)))
		_, _ = t.hash.Write(t.held[:n])
		t.held, t.at = t.held[n:], t.at+n
		if err := t.hash.readUpTo(t.src, end); err != nil { // nothing, unless end was never read
			return Check{}, err
		}
		t.at = max(t.at, end)
		if len(t.held) == 0 || cap(t.held) > 4*len(t.held)+leastHeld {
			t.held = bytes.Clone(t.held)
		}
	}
	return t.hash.Check(), nil
}

// Hash returns a copy of the hash of what was consumed.
func (t *Tracker) Hash() *Hash { return t.hash.Clone() }

// HeldHolds reports whether the last bytes that are held, up to most of them, are still in the file.
func (t *Tracker) HeldHolds(most int) bool {
	held := t.held[max(0, len(t.held)-most):]
	off := t.at + int64(len(t.held)-len(held))
	buf := buffers.Get().(*[bufferBytes]byte)
	defer buffers.Put(buf)
	for len(held) > 0 {
		n, err := t.src.ReadAt(buf[:min(len(held), bufferBytes)], off)
		if n == 0 || !bytes.Equal(buf[:n], held[:n]) {
			return false
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false
		}
		held, off = held[n:], off+int64(n)
	}
	return true
}

// Stands reports whether the file still has what was consumed from a place on, given the hash at that place.
func (t *Tracker) Stands(from *Hash) (bool, error) {
	h := from.Clone()
	err := h.readUpTo(t.src, t.hash.end)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return err == nil && h.Check() == t.hash.Check(), err
}
