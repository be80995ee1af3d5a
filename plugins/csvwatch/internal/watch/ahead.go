package watch

import (
	"hash/maphash"
	"io"
	"sync"
)

const (
	// aheadAtEnd is how much is compared of the beginning of a record whose rest was not there yet.
	aheadAtEnd = 64 << 10
	// aheadWithin is how much is compared where a turn ended before the content did.
	aheadWithin = 1 << 10
)

var (
	aheadSeed   = maphash.MakeSeed()
	aheadBlocks = sync.Pool{New: func() any { return new([aheadWithin]byte) }}
)

// ahead remembers what a reader holds of a file beyond the last row that it gave, by the last bytes of that. The zero
// ahead is of a reader that holds nothing.
type ahead struct {
	end int64
	len int
	sum uint64
}

// remember notes that from at to end of src is held. When it cannot be read, nothing can be said of it, and it will not
// hold.
func (a *ahead) remember(src io.ReaderAt, at, end int64, more bool) {
	most := int64(aheadAtEnd)
	if more {
		most = aheadWithin
	}
	*a = ahead{end: end, len: int(min(max(0, end-at), most))}
	a.sum, _ = a.hash(src)
}

// holds tells whether src has the same there still.
func (a *ahead) holds(src io.ReaderAt) bool {
	if a.len == 0 {
		return true
	}
	sum, err := a.hash(src)
	return err == nil && sum == a.sum
}

func (a *ahead) hash(src io.ReaderAt) (uint64, error) {
	if a.len == 0 {
		return 0, nil
	}
	buf := aheadBlocks.Get().(*[aheadWithin]byte)
	defer aheadBlocks.Put(buf)
	var h maphash.Hash
	h.SetSeed(aheadSeed)
	for off := a.end - int64(a.len); off < a.end; {
		n, err := src.ReadAt(buf[:min(aheadWithin, a.end-off)], off)
		if n == 0 {
			return 0, err
		}
		_, _ = h.Write(buf[:n])
		off += int64(n)
	}
	return h.Sum64(), nil
}
