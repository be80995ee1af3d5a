package timelimit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestACallIsWaitedForUntilTheLimit(t *testing.T) {
	t.Parallel()
	answer := 0
	returned, _ := Run(time.Hour, func() { answer = 42 })
	require.True(t, returned)
	require.Equal(t, 42, answer)

	hang := make(chan struct{})
	returned, done := Run(time.Millisecond, func() {
		<-hang
		answer = 43
	})
	require.False(t, returned)
	close(hang)
	<-done
	require.Equal(t, 43, answer)
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		Run(time.Hour, func() {})
	}
}
