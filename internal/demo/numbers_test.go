package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSchedulesKeepEventsWaitingBriefly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rate     float64
		interval time.Duration
		batch    int
	}{
		{0.5, 2 * time.Second, 1},
		{10, 100 * time.Millisecond, 1},
		{20, 50 * time.Millisecond, 1},
		{21, 95238095, 2},
		{1000, 50 * time.Millisecond, 50},
		{10_000, 50 * time.Millisecond, 500},
		{1_000_000, 50 * time.Millisecond, 50_000},
	} {
		got, err := scheduleOf(test.rate)
		require.NoError(t, err)
		require.Equal(t, schedule{test.interval, test.batch}, got, "rate %v", test.rate)
		require.InEpsilon(t, test.rate, float64(got.batch)/got.interval.Seconds(), 1e-6)
	}
	_, err := scheduleOf(0)
	require.EqualError(t, err, "--rate 0: give events per second from 0.01 to 1000000")
}

func TestQuantilesAreAtMostTwoPercentHigh(t *testing.T) {
	t.Parallel()
	var l latencies
	require.Zero(t, l.quantile(0.99))
	for ms := 1; ms <= 1000; ms++ {
		l.add(time.Duration(ms)*time.Millisecond, 1)
	}
	for q, truth := range map[float64]time.Duration{
		0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second, 0.001: time.Millisecond,
	} {
		got := l.quantile(q)
		require.GreaterOrEqual(t, got, truth)
		require.LessOrEqual(t, float64(got), 1.021*float64(truth))
	}

	l = latencies{}
	l.add(0, 98)
	l.add(time.Hour, 2)
	require.LessOrEqual(t, l.quantile(0.5), 2*time.Microsecond)
	require.Equal(t, time.Hour, l.quantile(0.99))
}

func TestNumbersAreRoundedForDisplay(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0.5", amount(0.5))
	require.Equal(t, "10", amount(10))
	require.Equal(t, "9.87", amount(9.871))
	require.Equal(t, "10,000", amount(9999.7))
	require.Equal(t, "7.1 ms", shortly(7123*time.Microsecond))
	require.Equal(t, "1234 ms", shortly(1234*time.Millisecond))
	require.Equal(t, "12.3 s", shortly(12345*time.Millisecond))
}

func reading1() reading {
	r := reading{Generated: 1234, Stored: 1230, PerSecond: 1000}
	r.Latency.add(5*time.Millisecond, 1230)
	return r
}

func TestWithoutATerminalEachSecondIsALine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out, start: time.Now()}
	s.tick(reading1())
	s.note("a note\n")
	s.tick(reading1())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	require.Equal(t, []string{"time", "generated", "stored", "rejected", "events/s", "p50", "p99"}, strings.Fields(lines[0]))
	require.Equal(t, []string{"0s", "1,234", "1,230", "0", "1,000", "5.0", "ms", "5.0", "ms"}, strings.Fields(lines[1]))
	require.Equal(t, "a note", lines[2])
	require.NotContains(t, out.String(), "\x1b")
}

func TestOnATerminalThePanelIsRedrawn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out, live: true, start: time.Now()}
	s.tick(reading1())
	require.NotContains(t, out.String(), "\x1b", "nothing to wipe yet")
	panel := out.String()
	out.Reset()
	s.tick(reading1())
	require.Equal(t, "\r\x1b[7A\x1b[J"+panel, out.String())
	out.Reset()
	s.note("a note")
	s.note("another")
	require.Equal(t, "\r\x1b[7A\x1b[Ja note\nanother\n", out.String())
}

func TestTheSummaryListsTheProblems(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	good := summarise(Options{Rate: 10}, time.Second, reading{Generated: 10, Stored: 10, Files: 10, PerSecond: 10}, nil)
	require.True(t, good.OK)
	good.writeText(&out)
	require.Contains(t, out.String(), "Every event is stored exactly once.")
	out.Reset()
	require.NoError(t, good.writeJSON(&out))
	require.Contains(t, out.String(), `"problems": []`)

	out.Reset()
	bad := summarise(Options{Rate: 10}, time.Second, reading{Generated: 10, Stored: 9}, []string{"1 event was rejected"})
	require.False(t, bad.OK)
	bad.writeText(&out)
	require.Contains(t, out.String(), "  - 1 event was rejected\n  - 10 events were generated, but 9 were found stored\n")
}
