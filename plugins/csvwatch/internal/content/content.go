// Package content recognizes what was already read of a file, so that a place in it is only trusted as long as the
// bytes before it are still the same.
//
// First bytes alone prove nothing: all files of one kind begin with the same header. So the last bytes before the place
// are checked too.
package content

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// Window is how many bytes at either end of what was read are remembered by their hash.
const Window = 1024

// Check remembers the first and the last bytes before a place in a file. The zero Check holds for any content.
type Check struct {
	// End is the place in the file, in bytes as they lie on disk.
	End int64 `json:"end,omitempty"`
	// Head is the hash of the first HeadLen bytes, Tail that of the TailLen bytes before End.
	Head    uint64 `json:"head,omitempty"`
	Tail    uint64 `json:"tail,omitempty"`
	HeadLen int16  `json:"head_len,omitempty"`
	TailLen int16  `json:"tail_len,omitempty"`
}

var windows = sync.Pool{New: func() any { return new([Window]byte) }}

// Take makes the check of the place end in src. It fails with io.ErrUnexpectedEOF when src is shorter.
func Take(src io.ReaderAt, end int64) (Check, error) {
	c := Check{End: end, HeadLen: int16(min(end, Window))}
	var err error
	if c.Head, err = hashOf(src, 0, int(c.HeadLen)); err != nil {
		return Check{}, err
	}
	if end > Window {
		c.TailLen = Window
		if c.Tail, err = hashOf(src, end-Window, Window); err != nil {
			return Check{}, err
		}
	}
	return c, nil
}

// Holds tells whether src still has the bytes that c was made of. Being too short is not an error but false.
func (c Check) Holds(src io.ReaderAt) (bool, error) {
	if c.TailLen > 0 {
		// The tail first: it reaches farther, so that a truncated content shows at once.
		h, err := hashOf(src, c.End-int64(c.TailLen), int(c.TailLen))
		if err != nil {
			return false, ignoreShort(err)
		}
		if h != c.Tail {
			return false, nil
		}
	}
	h, err := hashOf(src, 0, int(c.HeadLen))
	if err != nil {
		return false, ignoreShort(err)
	}
	return h == c.Head, nil
}

func ignoreShort(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// hashOf is over n bytes of src from off on; n is at most Window.
func hashOf(src io.ReaderAt, off int64, n int) (uint64, error) {
	if n == 0 {
		return 0, nil
	}
	buf := windows.Get().(*[Window]byte)
	defer windows.Put(buf)
	got, err := src.ReadAt(buf[:n], off)
	if got < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	sum := sha256.Sum256(buf[:n])
	return binary.BigEndian.Uint64(sum[:8]), nil
}

// Beginning is the check of the first bytes only.
func (c Check) Beginning() Check { return Check{Head: c.Head, HeadLen: c.HeadLen} }
