package ecommerceevents

import "time"

// catchUpAtMost bounds how far behind its schedule the input may be and still
// make up for it, so that an hour of standstill is not followed by an hour's
// events at once.
const catchUpAtMost = time.Minute

// pace says when batches are due. It counts from its first batch in whole
// intervals, so that what a wait takes too long is not added up.
type pace struct {
	interval time.Duration // 0: always due
	now      func() time.Time
	due      time.Time // of the next batch; zero before the first
}

// wait is how long it is until the next batch is due: 0 or less if it is now.
func (p *pace) wait() time.Duration {
	if p.interval == 0 || p.due.IsZero() {
		return 0
	}
	return p.due.Sub(p.now())
}

// advance notes that the batch that was due is made.
func (p *pace) advance() {
	if p.interval == 0 {
		return
	}
	now := p.now()
	if p.due.IsZero() {
		p.due = now
	}
	p.due = p.due.Add(p.interval)
	if earliest := now.Add(-max(catchUpAtMost, p.interval)); p.due.Before(earliest) {
		p.due = earliest
	}
}
