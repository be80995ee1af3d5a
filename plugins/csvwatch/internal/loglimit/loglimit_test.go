package loglimit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type lines []string

func (l *lines) add(level, format string, args ...any) {
	*l = append(*l, level+" "+fmt.Sprintf(format, args...))
}
func (l *lines) Debugf(format string, args ...any) { l.add("debug", format, args...) }
func (l *lines) Infof(format string, args ...any)  { l.add("info", format, args...) }
func (l *lines) Warnf(format string, args ...any)  { l.add("warn", format, args...) }
func (l *lines) Errorf(format string, args ...any) { l.add("error", format, args...) }

func newLimit() (limit *Limit, got *lines, clock *time.Time) {
	got, clock = &lines{}, new(time.Time)
	*clock = time.Unix(1000, 0)
	limit = New(got)
	limit.now = func() time.Time { return *clock }
	return limit, got, clock
}

//promise:bounded-logs
func TestLinesAMinuteAreBounded(t *testing.T) {
	t.Parallel()
	limit, got, clock := newLimit()
	for range 600 { // ten minutes
		for n := range 100 {
			limit.Errorf("%d went wrong", n)
			limit.Warnf("%d looks odd", n)
		}
		limit.Flush(false)
		*clock = clock.Add(time.Second)
	}
	require.Greater(t, len(*got), 10*PerMinute-PerMinute)
	require.LessOrEqual(t, len(*got), Burst+10*PerMinute)
	require.Equal(t, "error 770 more lines were held back; the newest is: 99 looks odd", (*got)[Burst])
}

func TestInfoLinesHaveAnAllowanceOfTheirOwn(t *testing.T) {
	t.Parallel()
	limit, got, _ := newLimit()
	for range 10 * Burst {
		limit.Infof("it goes on")
		limit.Debugf("very well")
	}
	limit.Warnf("look")
	require.Len(t, *got, 10*Burst+Burst+1)
	require.Equal(t, "warn look", (*got)[len(*got)-1])
}

func TestTheLastFlushReportsInAnyCase(t *testing.T) {
	t.Parallel()
	limit, got, _ := newLimit()
	for n := range Burst + 2 {
		limit.Warnf("%d looks odd", n)
	}
	limit.Flush(false)
	require.Len(t, *got, Burst)
	limit.Flush(true)
	require.Equal(t, fmt.Sprintf("warn 2 more lines were held back; the newest is: %d looks odd", Burst+1), (*got)[Burst])
	limit.Flush(true)
	require.Len(t, *got, Burst+1)
}
