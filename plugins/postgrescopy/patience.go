package postgrescopy

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// patience connects without filling the log. The engine calls Connect again
// and again, and logs every failure; so a failure that has been told is told
// again only after a while, and until then it is tried again in silence.
type patience struct {
	mu     sync.Mutex
	told   quiet
	pauses int // since the last success
}

const (
	// tellEvery is how often one and the same failure is logged.
	tellEvery = time.Minute
	// A database that is away is asked for often, so that little time is lost
	// when it is back.
	shortPause, longShortPause = 100 * time.Millisecond, time.Second
	// What a person has to put right is looked at less often.
	slowPause, longSlowPause = time.Second, 15 * time.Second
)

// connect calls try until it succeeds, or until there is something to tell.
func (p *patience) connect(ctx context.Context, try func(context.Context) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		err := try(ctx)
		if err == nil {
			p.told.forget()
			p.pauses = 0
			return nil
		}
		v := classify(ctx, err)
		if v == verdictCancelled {
			return ctx.Err()
		}
		pause := p.nextPause(v)
		text := describe(err)
		if p.told.allows(text) {
			return service.NewErrBackOff(&told{text, err}, pause)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// nextPause is how long to wait after a failure.
func (p *patience) nextPause(v verdict) time.Duration {
	first, longest := slowPause, longSlowPause
	if v == verdictLost || v == verdictTemporary {
		first, longest = shortPause, longShortPause
	}
	pause := min(first<<min(p.pauses, 10), longest)
	p.pauses++
	return pause
}

// told is an error with its text for people.
type told struct {
	text string
	err  error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.err }

// troubleOf makes failures equal that differ only in a port, in a time, or in how
// it showed that the line was cut: as its end or as a reset.
func troubleOf(message string) string {
	message, _, _ = strings.Cut(message, "failed to receive message: ")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, message)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quiet logs a message at once, and the same again only after tellEvery.
type quiet struct {
	mu   sync.Mutex
	told map[string]time.Time
}

// allows says whether the message may be logged now.
func (q *quiet) allows(message string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	kind := troubleOf(message)
	if last, ok := q.told[kind]; ok && time.Since(last) < tellEvery {
		return false
	}
	if q.told == nil || len(q.told) > 100 {
		q.told = map[string]time.Time{}
	}
	q.told[kind] = time.Now()
	return true
}

// forget has everything told again.
func (q *quiet) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.told = nil
}
