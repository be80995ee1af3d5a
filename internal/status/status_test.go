package status

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bench is a Board whose clock a test moves.
type bench struct {
	*Board
	at  time.Time
	in  *Input
	out *Output

	figures InputFigures
}

func newBench() *bench {
	b := &bench{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.Board = newAt(func() time.Time { return b.at })
	b.in = b.AddInput("files")
	b.out = b.AddOutput("table", "t", 2)
	b.in.Connected(func() InputFigures { return b.figures }, nil)
	b.out.Connected()
	return b
}

// pass lets seconds pass, a sample each, before each of which happens happens.
func (b *bench) pass(seconds int, happens func()) {
	for range seconds {
		b.at = b.at.Add(time.Second)
		happens()
		b.sample()
	}
}

func nothing() {}

func (b *bench) store(rows int, took time.Duration) {
	b.figures.Rows += int64(rows)
	b.figures.Done += int64(rows)
	b.figures.Bytes += int64(100 * rows)
	b.out.Committed(Commit{Stored: rows})
	b.in.Done(rows, b.at.Add(-took))
}

func TestTheVerdictNamesWhatIsTheMatter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens  func(*bench)
		level    Level
		headline string
		details  []string
	}{
		"nothing to do": {func(b *bench) { b.pass(20, nothing) }, Good, "Waiting for files: everything so far is stored", nil},
		"keeping up": {
			func(b *bench) { b.pass(20, func() { b.store(100, 4*time.Millisecond) }) },
			Good, "Keeping up", []string{"99 of 100 rows of the last minute were stored within 4.5 ms of appearing in a file"},
		},
		"database away": {
			func(b *bench) {
				b.out.Away("connection refused")
				b.pass(12, func() { b.figures.Unacked = 10 })
			},
			Bad, "Database away for 12 s", []string{"connection refused"},
		},
		"database back": {
			func(b *bench) {
				b.out.Away("connection refused")
				b.pass(12, nothing)
				b.out.Connected()
				b.pass(1, nothing)
			},
			Good, "Waiting for files: everything so far is stored", nil,
		},
		"a person is needed": {
			func(b *bench) { b.out.Refused(`there is no table t: create it`); b.pass(180, nothing) },
			Bad, "PostgreSQL has rejected every attempt for 3 min: an operator must act", []string{"there is no table t: create it"},
		},
		"waiting for a lock": {
			func(b *bench) {
				began := b.at
				b.pass(6, func() { b.figures.Unacked = 1000 })
				b.out.Blocked(began, "pid 7 (user ann)")
				b.out.Blocked(began.Add(time.Second), "pid 7 (user ann)")
				b.pass(36, nothing)
			},
			Bad, "Waiting for a lock for 42 s", []string{"Blocked by pid 7 (user ann): end that session, or wait"},
		},
		"the lock is free again": {
			func(b *bench) { b.out.Blocked(b.at, "pid 7")(); b.pass(1, nothing) },
			Good, "Waiting for files: everything so far is stored", nil,
		},
		"not connected yet": {
			func(b *bench) { b.out.Disconnected(); b.in.Disconnected(); b.pass(1, nothing) },
			Warning, "Not connected to the database yet", []string{"The folder is not watched yet"},
		},
		"stalled": {
			func(b *bench) { b.pass(30, func() { b.figures.Unacked = 1000 }) },
			Warning, "Nothing has been stored for 29 s, though 1,000 rows are waiting", nil,
		},
		"catching up": {
			func(b *bench) {
				b.pass(70, func() {
					b.store(1000, time.Minute)
					b.figures.Backlog = 6_000_000 - b.figures.Bytes/100
					b.figures.FilesWaiting, b.figures.OldestUnread = 3, time.Hour
				})
			},
			Working, "Catching up: 5.9 MB in 3 files unread, about 59 s left", nil,
		},
		"falling behind": {
			func(b *bench) {
				b.pass(70, func() {
					b.store(1000, time.Minute)
					b.figures.Backlog += 1_000_000
					b.figures.FilesWaiting, b.figures.OldestUnread = 1, time.Hour
				})
			},
			Warning, "Falling behind: 70 MB in 1 file unread, and growing", nil,
		},
		"files refused": {
			func(b *bench) { b.figures.FilesFailed = 3; b.pass(2, nothing) },
			Warning, "3 files are refused: see the list of files", nil,
		},
		"rows refused": {
			func(b *bench) {
				b.pass(20, func() { b.store(99, 0); b.figures.Done++; b.out.Committed(Commit{Rejected: 1}) })
			},
			Warning, "Keeping up", []string{
				"99 of 100 rows of the last minute were stored within 0.1 ms of appearing in a file",
				"20 rows refused in the last minute, 1 % of all",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			c.happens(b)
			v := b.Snapshot(false).Verdict
			assert.Equal(t, c.headline, v.Headline)
			assert.Equal(t, c.level, v.Level)
			assert.Equal(t, append([]string{}, c.details...), v.Details)
		})
	}
}

func TestTheLastHourIsKept(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.pass(2*historyLength+10, func() { b.store(5, time.Millisecond) })
	points := b.History()
	require.Len(t, points, historyLength)
	for i, p := range points {
		require.Equal(t, b.at.Unix()-int64(historyLength-1-i), p.At)
		require.EqualValues(t, 5, p.Stored)
	}
	assert.Equal(t, points[historyLength-1], b.LastPoint())
}

func TestFiguresGoOnOverAReconnection(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.pass(5, func() { b.store(10, 0) })
	b.in.Disconnected()
	b.pass(1, nothing)
	b.figures = InputFigures{}
	b.in.Connected(func() InputFigures { return b.figures }, nil)
	b.pass(5, func() { b.store(10, 0) })
	s := b.Snapshot(false)
	assert.EqualValues(t, 100, s.Totals.In)
	assert.EqualValues(t, 100, s.Totals.Stored)
}

func TestQuantilesAreWithinABucket(t *testing.T) {
	t.Parallel()
	var h Histogram
	for ms := 1; ms <= 1000; ms++ {
		h.Add(time.Duration(ms)*time.Millisecond, 3)
	}
	var b buckets
	h.addTo(&b)
	assert.InEpsilon(t, 0.5, b.quantile(0.5).Seconds(), bucketGrowth-1)
	assert.InEpsilon(t, 0.99, b.quantile(0.99).Seconds(), bucketGrowth-1)
	assert.Negative(t, (&buckets{}).quantile(0.5))
	assert.Equal(t, bucketCount-1, bucketOf(1<<62))
}

func TestTimesUnderWayAddUp(t *testing.T) {
	t.Parallel()
	start := time.Now()
	b := Busy{limit: 2, at: start}
	b.n = 1
	b.bring(start.Add(time.Second))
	b.n = 2
	b.bring(start.Add(3 * time.Second))
	b.n = 0
	some, full := b.Times(start.Add(10 * time.Second))
	assert.Equal(t, 3*time.Second, some)
	assert.Equal(t, 2*time.Second, full)
}

func TestSharesNameTheBottleneck(t *testing.T) {
	t.Parallel()
	s := time.Second
	for name, c := range map[string]totals{
		"files":    {took: 10 * s, awaitingFiles: 9 * s, reading: s / 2},
		"reading":  {took: 10 * s, reading: 9 * s, saturated: s / 2},
		"mapping":  {took: 10 * s, reading: 2 * s, saturated: s},
		"database": {took: 10 * s, reading: 2 * s, saturated: 9 * s},
	} {
		shares := c.shares()
		assert.Equal(t, name, shares.bottleneck())
		assert.InDelta(t, 1, shares.AwaitingFiles+shares.Reading+shares.Mapping+shares.Database, 1e-9, name)
	}
}

func TestTheNewestRejectionsAreKept(t *testing.T) {
	t.Parallel()
	b := newBench()
	for i := range int64(3*newestKept + 7) {
		b.Rejected(Rejection{Stage: "database", Class: fmt.Sprint("class", i%3), Reason: "r", Path: "a.csv", Row: i})
	}
	for i := range reasonsKept + 20 {
		b.Rejected(Rejection{Stage: "mapping", Class: fmt.Sprint("odd", i)})
	}
	s := b.Snapshot(false)
	require.Len(t, s.Newest, newestKept)
	assert.Equal(t, fmt.Sprint("odd", reasonsKept+19), s.Newest[0].Class)
	assert.LessOrEqual(t, len(s.Reasons), reasonsKept+1)
	assert.Equal(t, ReasonCount{"database", "class0", 53}, s.Reasons[0])
}

func TestReasonsAreShownWithoutValues(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		`column "price" numeric: "12,50 EUR" is not a number`:                        `column "price" numeric: … is not a number`,
		`column "id" or "no" integer: invalid input syntax for type integer: "Anna"`: `column "id" or "no" integer: invalid input syntax for type integer: …`,
		`duplicate key value violates unique constraint "k": Key (email)=(a@b.c)`:    `duplicate key value violates unique constraint "k": Key (email)=(…)`,
		`value 'O\'Brien' at ` + "`x y`" + ` of field "name"`:                        `value … at … of field "name"`,
		`an open quote "then a secret`:                                               `an open quote …`,
		`Key (a)=(open`:                                                              `Key (a)=(…)`,
		`the record has 3 fields and the header 10`:                                  `the record has 3 fields and the header 10`,
	} {
		assert.Equal(t, want, WithoutValues(reason))
	}
	b := newBench()
	b.Rejected(Rejection{Reason: `"secret"`})
	assert.Equal(t, "…", b.Snapshot(false).Newest[0].Reason)
	assert.Equal(t, `"secret"`, b.Snapshot(true).Newest[0].Reason)
}

func TestFilesThatNeedAttentionComeFirst(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.in.Connected(func() InputFigures { return b.figures }, func(int) []File {
		return []File{
			{Path: "d", State: "done", Changed: b.at}, {Path: "r", State: "reading", Changed: b.at.Add(-time.Hour)},
			{Path: "x", State: "refused"}, {Path: "e", State: "done", Changed: b.at.Add(time.Second)},
		}
	})
	var names string
	for _, f := range b.Snapshot(false).Files {
		names += f.Path
	}
	assert.Equal(t, "xred", names)
}

func TestSpansAndSizesReadWell(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "4 ms 250 ms 1.5 s 2 s 12 s 3 min 2 h 5 min 3 days", fmt.Sprint(
		Span(4*time.Millisecond), " ", Span(250*time.Millisecond), " ", Span(1500*time.Millisecond), " ", Span(2*time.Second), " ",
		Span(12*time.Second), " ", Span(3*time.Minute), " ", Span(125*time.Minute), " ", Span(80*time.Hour)))
	assert.Equal(t, "0 B 999 B 1.2 kB 15 MB 1.0 GB", fmt.Sprint(Size(0), " ", Size(999), " ", Size(1200), " ", Size(15e6), " ", Size(1_000_000_000)))
}

func TestLevelsAreReadBack(t *testing.T) {
	t.Parallel()
	for want := Good; want <= Bad; want++ {
		text, err := want.MarshalText()
		require.NoError(t, err)
		var got Level
		require.NoError(t, got.UnmarshalText(text))
		assert.Equal(t, want, got)
	}
	assert.Error(t, errors.Join(new(Level).UnmarshalText([]byte("odd"))))
}
