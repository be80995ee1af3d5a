// Package acks tells how far a content is done when its parts are done in any order.
package acks

// Line holds the parts of one content that are out for delivery, in the order of the content. M marks a place in the
// content. The zero Line is empty and ready. A Line is for one goroutine at a time.
type Line[M any] struct {
	parts   []*Part[M]
	blocked bool // a part was given up: the end never moves past it
}

// Part is one stretch of a content that is out for delivery.
type Part[M any] struct {
	end  M
	done bool
}

// Add puts a part that ends at end behind those that are out.
func (l *Line[M]) Add(end M) *Part[M] {
	p := &Part[M]{end: end}
	if !l.blocked {
		l.parts = append(l.parts, p)
	}
	return p
}

// Done notes that p is done. When the run of parts done from the front on has grown, it returns the end of that run.
// A part counts once, however often it is done.
func (l *Line[M]) Done(p *Part[M]) (end M, moved bool) {
	p.done = true
	n := 0
	for n < len(l.parts) && l.parts[n].done {
		end, moved = l.parts[n].end, true
		l.parts[n] = nil
		n++
	}
	l.parts = l.parts[n:]
	if len(l.parts) == 0 {
		l.parts = nil
	}
	return end, moved
}

// GiveUp notes that p will not be done. The parts behind it need not be kept: the end never moves past p.
func (l *Line[M]) GiveUp(p *Part[M]) {
	for i, q := range l.parts {
		if q == p {
			clear(l.parts[i:])
			l.parts, l.blocked = l.parts[:i], true
			return
		}
	}
}

// Out returns how many parts wait to be done, or for one before them.
func (l *Line[M]) Out() int { return len(l.parts) }
