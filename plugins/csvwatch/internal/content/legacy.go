package content

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// legacyWindow is how many bytes at either end a Legacy check remembers.
const legacyWindow = 1024

// Legacy is how versions before 0.2 remembered what was read: hashes of the first and of the last bytes. It is only used
// to take up positions that such a version saved.
type Legacy struct {
	// End is the end of what was read, in bytes as they lie on disk.
	End int64 `json:"end,omitempty"`
	// Head is the hash of the first HeadLen bytes, Tail that of the TailLen bytes before End.
	Head    uint64 `json:"head,omitempty"`
	Tail    uint64 `json:"tail,omitempty"`
	HeadLen int16  `json:"head_len,omitempty"`
	TailLen int16  `json:"tail_len,omitempty"`
}

var windows = sync.Pool{New: func() any { return new([legacyWindow]byte) }}

// Holds reports whether src still has the bytes that l was made of. Being too short is not an error but false.
func (l Legacy) Holds(src io.ReaderAt) (bool, error) {
	if int(l.HeadLen) > legacyWindow || int(l.TailLen) > legacyWindow || l.HeadLen < 0 || l.TailLen < 0 {
		return false, nil // no version wrote that
	}
	if l.TailLen > 0 {
		// The tail first: it reaches farther, so that a truncated content shows at once.
		h, err := hashOf(src, l.End-int64(l.TailLen), int(l.TailLen))
		if err != nil {
			return false, ignoreShort(err)
		}
		if h != l.Tail {
			return false, nil
		}
	}
	h, err := hashOf(src, 0, int(l.HeadLen))
	if err != nil {
		return false, ignoreShort(err)
	}
	return h == l.Head, nil
}

func ignoreShort(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// hashOf is over n bytes of src from off on; n is at most legacyWindow.
func hashOf(src io.ReaderAt, off int64, n int) (uint64, error) {
	if n == 0 {
		return 0, nil
	}
	buf := windows.Get().(*[legacyWindow]byte)
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
