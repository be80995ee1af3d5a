// Package loglimit bounds the lines that a log gets, whatever goes wrong.
package loglimit

import (
	"fmt"
	"sync"
	"time"
)

const (
	// Burst is how many lines of one class pass at once.
	Burst = 30
	// PerMinute is how many pass in the long run.
	PerMinute = 20
)

// Log takes lines.
type Log interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}

// Limit is a Log that passes lines on to another one. It limits info lines, and warnings and errors together, to Burst
// lines at once and PerMinute afterwards. It counts the lines beyond that, and [Limit.Flush] logs the count. Debug lines
// are not limited. It is safe for concurrent use.
type Limit struct {
	to  Log
	now func() time.Time

	mu       sync.Mutex
	infos    class
	problems class
	isError  bool // an error is among the problems held back
}

// class is the allowance of one class of lines.
type class struct {
	left float64
	at   time.Time // when left was right
	held int
	last string // the latest line held back
}

// New returns a Limit that passes lines on to log.
func New(log Log) *Limit {
	return &Limit{to: log, now: time.Now, infos: class{left: Burst}, problems: class{left: Burst}}
}

// take reports whether one more line may pass.
func (c *class) take(now time.Time) bool {
	if !c.at.IsZero() {
		c.left = min(Burst, c.left+now.Sub(c.at).Minutes()*PerMinute)
	}
	c.at = now
	if c.left < 1 {
		return false
	}
	c.left--
	return true
}

// pass reports whether a line may pass, and counts it if it may not.
func (l *Limit) pass(c *class, format string, args []any) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	// While lines are held back, others must not overtake them.
	if c.held == 0 && c.take(l.now()) {
		return true
	}
	c.held++
	c.last = fmt.Sprintf(format, args...)
	return false
}

// Debugf passes a line on.
func (l *Limit) Debugf(format string, args ...any) { l.to.Debugf(format, args...) }

// Infof passes a line on, or counts it.
func (l *Limit) Infof(format string, args ...any) {
	if l.pass(&l.infos, format, args) {
		l.to.Infof(format, args...)
	}
}

// Warnf passes a line on, or counts it.
func (l *Limit) Warnf(format string, args ...any) {
	if l.pass(&l.problems, format, args) {
		l.to.Warnf(format, args...)
	}
}

// Errorf passes a line on, or counts it.
func (l *Limit) Errorf(format string, args ...any) {
	if l.pass(&l.problems, format, args) {
		l.to.Errorf(format, args...)
		return
	}
	l.mu.Lock()
	l.isError = true
	l.mu.Unlock()
}

// Flush logs how many lines were held back, once a line may pass again or if last is set. Call it at least once a
// minute.
func (l *Limit) Flush(last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if text, held := l.infos.flush(now, last); held {
		l.to.Infof("%s", text)
	}
	if text, held := l.problems.flush(now, last); held && l.isError {
		l.isError = false
		l.to.Errorf("%s", text)
	} else if held {
		l.to.Warnf("%s", text)
	}
}

func (c *class) flush(now time.Time, last bool) (text string, held bool) {
	if c.held == 0 || (!c.take(now) && !last) {
		return "", false
	}
	text = fmt.Sprintf("%d more lines were held back; the newest is: %s", c.held, c.last)
	if c.held == 1 {
		text = c.last
	}
	c.held, c.last = 0, ""
	return text, true
}
