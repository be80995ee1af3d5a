package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShortWorkIsNotLogged(t *testing.T) {
	t.Parallel()
	var m Meter
	at := time.Unix(0, 0)
	require.Empty(t, m.Update(at, Counts{}))
	require.Empty(t, m.Update(at.Add(time.Second), Counts{Left: 100, Files: 1}))
	require.Empty(t, m.Update(at.Add(9*time.Second), Counts{Rows: 5, Bytes: 50, Left: 50, Files: 1}))
	require.Empty(t, m.Update(at.Add(10*time.Second), Counts{Rows: 10, Bytes: 100}))
}

func TestAnHourAtAStandstillIsAFewLines(t *testing.T) {
	t.Parallel()
	var m Meter
	var seconds []int
	for at := 0; at < 3600; at++ {
		if m.Update(time.Unix(int64(at), 0), Counts{Left: 100, Files: 1}) != "" {
			seconds = append(seconds, at)
		}
	}
	require.Equal(t, []int{10, 30, 70, 150, 310, 630, 1270, 2550}, seconds)
	require.Contains(t, m.Update(time.Unix(3600, 0), Counts{Bytes: 50, Left: 50, Files: 1}), "to go", "it goes on")
}

func TestLongWorkIsLoggedAtIntervals(t *testing.T) {
	t.Parallel()
	var m Meter
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	require.Empty(t, m.Update(at(0), Counts{Left: 12_300_000_000, Files: 9}))
	require.Equal(t,
		"Reading: 120,400 rows/s, 10 % of 12 GB done, 11 GB in 8 files left, about 1m30s to go",
		m.Update(at(10), Counts{Rows: 1_204_000, Bytes: 1_230_000_000, Left: 11_070_000_000, Files: 8}))
	require.Empty(t, m.Update(at(19), Counts{Rows: 1_204_000, Bytes: 1_230_000_000, Left: 11_070_000_000, Files: 8}))
	require.Equal(t,
		"Reading: 0 rows/s, 10 % of 12 GB done, 11 GB in 8 files left, at a standstill: nothing more is read until earlier rows are acknowledged",
		m.Update(at(20), Counts{Rows: 1_204_000, Bytes: 1_230_000_000, Left: 11_070_000_000, Files: 8}))
	require.Equal(t,
		"Reading: 400,000 rows/s, 99 % of 12 GB done, 70 MB in 1 file left, about 100ms to go",
		m.Update(at(30), Counts{Rows: 5_204_000, Bytes: 12_230_000_000, Left: 70_000_000, Files: 1}))
	require.Equal(t, "Caught up: 12,040,000 rows in 2m0s, 100,333 rows/s",
		m.Update(at(120), Counts{Rows: 12_040_000, Bytes: 12_300_000_000}))
	require.Empty(t, m.Update(at(130), Counts{Rows: 12_040_000, Bytes: 12_300_000_000}))
}
