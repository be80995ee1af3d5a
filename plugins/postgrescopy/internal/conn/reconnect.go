package conn

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// Reconnector connects without filling the log. The engine calls Connect again
// and again, and logs every failure; so a failure that was logged is returned
// again only after a while, and until then it is tried again in silence. Many
// goroutines may use it; they wait for one another.
type Reconnector struct {
	mu       sync.Mutex
	reported LogFilter
	pauses   int // since the last success
}

const (
	// logEvery is after how long one and the same failure is logged again; from then on
	// after twice as long each time, up to logSeldom.
	logEvery  = time.Minute
	logSeldom = time.Hour
	// A database that is away is asked for often, so that little time is lost
	// when it is back.
	shortPause, longShortPause = 100 * time.Millisecond, time.Second
	// What an operator has to put right is looked at less often.
	slowPause, longSlowPause = time.Second, 15 * time.Second
)

// PauseAfter is how long to wait before connecting, when connecting succeeds but
// writing does not: because the connection was lost, and because of something
// that an operator has to put right, so many times in a row.
func PauseAfter(lost, refused int32) time.Duration {
	if refused > 0 {
		return min(slowPause<<min(refused-1, 10), longSlowPause)
	}
	if lost > 1 {
		return min(shortPause<<min(lost-2, 10), longShortPause)
	}
	return 0
}

// Connect calls try until it succeeds, or until there is a failure to log, which
// it returns as a *ConnectError.
func (r *Reconnector) Connect(ctx context.Context, try func(context.Context) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		err := try(ctx)
		if err == nil {
			r.reported.Forget()
			r.pauses = 0
			return nil
		}
		class := pgerr.Classify(ctx, err)
		if class == pgerr.Cancelled {
			return ctx.Err()
		}
		pause := r.nextPause(class)
		text := pgerr.Describe(err)
		if r.reported.Allows(text) {
			if class == pgerr.Lost {
				text += ". The rows wait until it can be reached: check that the server runs, and `dsn`"
			}
			return &ConnectError{text, pause, err}
		}
		if err := Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// nextPause is how long to wait after a failure.
func (r *Reconnector) nextPause(class pgerr.Class) time.Duration {
	first, longest := slowPause, longSlowPause
	if class == pgerr.Lost || class == pgerr.Temporary {
		first, longest = shortPause, longShortPause
	}
	pause := min(first<<min(r.pauses, 10), longest)
	r.pauses++
	return pause
}

// ConnectError is a failure to connect, with its text for people.
type ConnectError struct {
	Text       string
	RetryAfter time.Duration
	err        error
}

func (e *ConnectError) Error() string { return e.Text }
func (e *ConnectError) Unwrap() error { return e.err }

// Described returns err with its text for people.
func Described(err error) error { return &ConnectError{Text: pgerr.Describe(err), err: err} }

// Sleep waits for d, or until ctx is done, and then returns its error.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// LogFilter lets a message pass at once, and the same again only after logEvery, and
// then after twice as long each time. A message that has not come for logEvery is new.
// Many goroutines may use it. The zero value is ready.
type LogFilter struct {
	mu    sync.Mutex
	known map[string]*repeated // by kind
}

// repeated is a message that came before.
type repeated struct {
	came   time.Time // when it came last
	logged time.Time // when it passed last
	wait   time.Duration
}

// Allows reports whether the message may be logged now.
func (f *LogFilter) Allows(message string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, kind := time.Now(), kindOf(message)
	m := f.known[kind]
	if m == nil || at.Sub(m.came) >= logEvery {
		if f.known == nil || len(f.known) > 100 {
			f.known = map[string]*repeated{}
		}
		f.known[kind] = &repeated{at, at, logEvery}
		return true
	}
	m.came = at
	if at.Sub(m.logged) < m.wait {
		return false
	}
	m.logged, m.wait = at, min(2*m.wait, logSeldom)
	return true
}

// Forget has every message pass again.
func (f *LogFilter) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = nil
}

// kindOf makes messages equal that differ only in a port, in a time, or in how
// it showed that the connection was cut: as its end or as a reset.
func kindOf(message string) string {
	message, _, _ = strings.Cut(message, "failed to receive message: ")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, message)
}
