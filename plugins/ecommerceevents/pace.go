package ecommerceevents

import "time"

// catchUpAtMost bounds how much of a pause is made up for, so that an hour's pause
// is not followed by an hour's events at once.
const catchUpAtMost = time.Minute

// pace schedules batches in whole intervals from the first one, so that late
// wake-ups do not add up.
type pace struct {
	interval time.Duration // 0: always due
	now      func() time.Time
	due      time.Time // of the next batch; zero before the first
}

// wait returns the time until the next batch is due, 0 or less if it is now.
func (p *pace) wait() time.Duration {
	if p.interval == 0 || p.due.IsZero() {
		return 0
	}
	return p.due.Sub(p.now())
}

// advance schedules the batch after the one that is due.
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
