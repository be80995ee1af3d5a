package csvrows

import (
	"bytes"
	"sync"
)

const (
	// chunkBytes is how much of a content is looked at in one go. Larger ones fall out of the processor's cache.
	chunkBytes = 256 << 10
	// padBytes stand behind the chunk so that the last cell can be looked at eight bytes at a time.
	padBytes = 8
	// leastRead is the least room worth a read.
	leastRead = 16 << 10
)

var chunks = sync.Pool{New: func() any { return new([chunkBytes + padBytes]byte) }}

// window is the part of a content that is in memory: buf[pos:end] has not become rows yet.
type window struct {
	buf      []byte
	pos, end int
	base     int64 // offset in the content of buf[0]
	marks

	pooled *[chunkBytes + padBytes]byte // what buf is a slice of, when it came from the pool
}

// marks remember how far the window has been searched for these three: there is none of the kind in buf[pos:mark], and
// at the mark is one, or was the end. So no byte is searched twice, however slowly a long line grows.
type marks struct{ lf, cr, quote int }

// offset is the position in the content of buf[i].
func (w *window) offset(i int) int64 { return w.base + int64(i) }

// room returns a part of buf behind end to read into, moving or enlarging what is there so seldom that the cost of each
// byte stays constant.
func (w *window) room() []byte {
	w.shrink()
	if w.buf == nil {
		w.pooled = chunks.Get().(*[chunkBytes + padBytes]byte)
		w.buf = w.pooled[:]
	}
	held := w.end - w.pos
	if w.pos > 0 && (held == 0 || len(w.buf)-padBytes-w.end < max(leastRead, held)) {
		w.move(w.buf)
	}
	if len(w.buf)-padBytes-w.end < leastRead {
		old := w.pooled
		w.move(make([]byte, 2*len(w.buf)))
		w.pooled = nil
		if old != nil {
			chunks.Put(old)
		}
	}
	return w.buf[w.end : len(w.buf)-padBytes]
}

// move puts what is held at the front of to.
func (w *window) move(to []byte) {
	by := w.pos
	copy(to, w.buf[w.pos:w.end])
	w.buf, w.pos, w.end, w.base = to, 0, w.end-by, w.base+int64(by)
	w.lf, w.cr, w.quote = max(w.lf-by, 0), max(w.cr-by, 0), max(w.quote-by, 0)
}

// shrink returns a buffer back that one long record had made large.
func (w *window) shrink() {
	if w.pos == w.end && len(w.buf) > chunkBytes+padBytes {
		w.release()
	}
}

// release returns the buffer back when nothing is held in it, so that a file that is waited for costs no memory.
func (w *window) release() {
	if w.pos < w.end {
		return
	}
	if w.pooled != nil {
		chunks.Put(w.pooled)
	}
	w.reset(w.offset(w.pos))
}

// reset empties the window; what comes next stands at offset in the content.
func (w *window) reset(offset int64) {
	*w = window{base: offset}
}

// search brings the three marks up to the present end.
func (w *window) search() {
	w.lf = find(w.buf, w.lf, w.pos, w.end, '\n')
	w.cr = find(w.buf, w.cr, w.pos, w.end, '\r')
	w.quote = find(w.buf, w.quote, w.pos, w.end, '"')
}

// line finds the end of the line that p is on: the line is buf[p:end], and what follows its line end is buf[next:]. Without
// last, it is not whole while its line end is not there, or may be half of one.
func (w *window) line(p int, last bool) (end, next int, whole bool) {
	if w.lf < p {
		w.lf = find(w.buf, w.lf, p, w.end, '\n')
	}
	if w.cr < p {
		w.cr = find(w.buf, w.cr, p, w.end, '\r')
	}
	switch {
	case w.cr >= w.lf && w.lf < w.end:
		return w.lf, w.lf + 1, true
	case w.cr >= w.lf:
		return w.end, w.end, last
	case w.cr+1 < w.end && w.buf[w.cr+1] == '\n':
		return w.cr, w.cr + 2, true
	default:
		return w.cr, w.cr + 1, w.cr+1 < w.end || last
	}
}

// nextQuote returns the first quote in buf[p:end], or end.
func (w *window) nextQuote(p int) int {
	if w.quote < p {
		w.quote = find(w.buf, w.quote, p, w.end, '"')
	}
	return w.quote
}

// find returns the first c in buf[p:end], or end, where none is known to be in buf[p:mark].
func find(buf []byte, mark, p, end int, c byte) int {
	p = max(p, mark)
	if p >= end {
		return end
	}
	i := bytes.IndexByte(buf[p:end], c)
	if i < 0 {
		return end
	}
	return p + i
}
