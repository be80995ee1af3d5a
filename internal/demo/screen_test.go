package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnEchoedCtrlCIsWipedWithThePanel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out, live: true}
	s.tick(reading{})
	panel := strings.Count(out.String(), "\n")
	require.Equal(t, 7, panel)
	out.Reset()
	s.note("Stopping")
	require.Equal(t, "\r\x1b[7A\x1b[JStopping\n", out.String(), "the cursor may stand behind ^C")
}

func TestALineFitsEightyColumns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out, start: time.Now()}
	s.tick(reading{Generated: 123_456_789, Stored: 123_456_789, Rejected: 1_234_567, PerSecond: 123_456})
	for _, line := range strings.Split(out.String(), "\n") {
		require.LessOrEqual(t, len(line), 79, line)
	}
}
