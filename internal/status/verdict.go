package status

import (
	"fmt"
	"time"
)

// Level is how good or bad things stand.
type Level uint8

// The levels, from good to bad.
const (
	Good    Level = iota // everything that is there is stored
	Working              // behind, and catching up
	Warning              // something should be looked at
	Bad                  // nothing is stored
)

// String returns the level in lower case.
func (l Level) String() string { return [...]string{"good", "working", "warning", "bad"}[l] }

// MarshalText makes the level its String in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (l *Level) UnmarshalText(text []byte) error {
	for *l = Good; *l <= Bad; *l++ {
		if l.String() == string(text) {
			return nil
		}
	}
	return fmt.Errorf("no such level: %q", text)
}

// Verdict is how things stand, in words.
type Verdict struct {
	Level    Level    `json:"level"`
	Headline string   `json:"headline"`
	Details  []string `json:"details"`
}

const (
	// stalledAfter is how long nothing must have been stored, while rows wait,
	// to be a warning.
	stalledAfter = 10 * time.Second
	// behindAfter is how long a file must have waited, and how long reading what
	// is left must take, to be behind at all.
	behindAfter = 3 * time.Second
)

// stand is how things stand at one time, summed up over the components.
type stand struct {
	InputFigures
	inputUp, hasInput bool
	down              *Output // the one that is away for longest; nil when all are there
	outage            outputState
	blocked           *outputState  // of an output that waits for a lock; nil when none does
	stalled           time.Duration // how long nothing was done while rows wait
	left              time.Duration // until everything is read; negative when unknown
	grown             int64         // by how much the backlog grew in the last minute
	now               totals        // the last 10 seconds
	minute            totals
	verdict           Verdict
}

// stand looks at all components. The lock is held.
func (b *Board) stand(now time.Time) stand {
	s := stand{now: b.recent.over(10), minute: b.recent.over(60)}
	for _, in := range b.inputs {
		f, up := in.standing()
		s.inputUp, s.hasInput = s.inputUp || up, true
		s.FilesKnown += f.FilesKnown
		s.FilesWaiting += f.FilesWaiting
		s.FilesFailed += f.FilesFailed
		s.Unacked += f.Unacked
		s.Backlog += f.Backlog
		s.OldestUnread = max(s.OldestUnread, f.OldestUnread)
	}
	for _, out := range b.outputs {
		state := out.state()
		if state.blocked {
			s.blocked = &state
		}
		if !state.up && (s.down == nil || state.since.Before(s.outage.since)) {
			s.down, s.outage = out, state
		}
	}
	if s.now.Done > 0 || s.Unacked == 0 || b.moved.IsZero() {
		b.moved = now
	}
	s.stalled = now.Sub(b.moved)
	s.left = timeLeft(s.Backlog, &s.minute)
	s.grown = s.Backlog - b.history.backlogAgo(60)
	s.verdict = s.assess(now)
	return s
}

// timeLeft is how long reading the backlog takes at the pace of a while;
// negative when nothing was read.
func timeLeft(backlog int64, pace *totals) time.Duration {
	if backlog == 0 {
		return 0
	}
	if pace.bytes == 0 || pace.took == 0 {
		return -1
	}
	return time.Duration(float64(backlog) / float64(pace.bytes) * float64(pace.took))
}

// backlogAgo is the backlog some seconds ago, or when it was noted first.
func (h *history) backlogAgo(seconds int) int64 {
	kept := h.next
	if h.full {
		kept = historyLength
	}
	if kept == 0 {
		return 0
	}
	return h.points[(h.next-min(seconds, kept)+historyLength)%historyLength].Backlog
}

// assess returns the verdict. Its headline is the worst problem.
func (s *stand) assess(now time.Time) Verdict {
	v := Verdict{Details: []string{}}
	say := func(level Level, format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		if v.Headline == "" {
			v.Headline, v.Level = line, level
			return
		}
		v.Level = max(v.Level, level)
		v.Details = append(v.Details, line)
	}
	s.assessOutputs(now, say)
	switch {
	case !s.inputUp && s.hasInput: // other inputs do not publish
		say(Warning, "The folder is not watched yet")
	case s.down == nil && s.blocked != nil:
		say(Bad, "Waiting for a lock for %s", Span(now.Sub(s.blocked.blockedSince)))
		say(Bad, "Blocked by %s: end that session, or wait", s.blocked.blockedBy)
	case s.down == nil && s.stalled >= stalledAfter:
		say(Warning, "Nothing has been stored for %s, though %s are waiting", Span(s.stalled), rows(int64(s.Unacked)))
	}
	if s.FilesFailed > 0 {
		say(Warning, "%s refused: see the list of files", count(int64(s.FilesFailed), "file is", "files are"))
	}
	s.assessBacklog(say)
	if v.Headline == "" {
		if s.now.Read == 0 && s.Unacked == 0 {
			say(Good, "Waiting for files: everything so far is stored")
		} else {
			say(Good, "Keeping up")
			if p := s.minute.latency.quantile(0.99); p >= 0 {
				say(Good, "99 of 100 rows of the last minute were stored within %s of appearing in a file", Span(p))
			}
		}
	}
	if n := s.minute.Rejected; n > 0 {
		share := ""
		if s.minute.Done > 0 {
			share = fmt.Sprintf(", %.2g %% of all", min(100, 100*float64(n)/float64(max(s.minute.Done, n))))
		}
		say(max(v.Level, Warning), "%s refused in the last minute%s", rows(n), share)
	}
	return v
}

func (s *stand) assessOutputs(now time.Time, say func(Level, string, ...any)) {
	if s.down == nil {
		return
	}
	away := Span(now.Sub(s.outage.since))
	switch {
	case s.outage.stuck:
		say(Bad, "PostgreSQL has rejected every attempt for %s: an operator must act", away)
	case s.outage.problem != "":
		say(Bad, "Database away for %s", away)
	default:
		say(Warning, "Not connected to the database yet")
	}
	if s.outage.problem != "" {
		say(Bad, "%s", s.outage.problem)
	}
}

func (s *stand) assessBacklog(say func(Level, string, ...any)) {
	if s.Backlog == 0 || s.OldestUnread < behindAfter || (s.left >= 0 && s.left < behindAfter) {
		return
	}
	unread := Size(s.Backlog) + " in " + count(int64(s.FilesWaiting), "file", "files")
	switch {
	case s.left < 0:
		say(Working, "Behind: %s unread", unread)
	case s.grown > 0 && s.minute.took >= 50*time.Second && s.left > time.Minute:
		say(Warning, "Falling behind: %s unread, and growing", unread)
	default:
		say(Working, "Catching up: %s unread, about %s left", unread, Span(s.left))
	}
}
