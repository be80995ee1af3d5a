package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARefusalIsTheSameAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refusal := func() delivered {
		w.tb.Helper()
		w.settle()
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Len(t, w.refused, 1)
		d := w.refused[0]
		w.refused = nil
		return d
	}
	w.start()
	w.write("in/a.csv", "id,id\n1,a\n")
	first := refusal()
	require.Equal(t, int64(0), first.number)
	require.Equal(t, "id,id", first.raw)
	require.Equal(t, int64(1), w.watcher.Figures().BadRows)
	require.Equal(t, int64(1), w.watcher.Figures().Acked)

	w.kill()
	w.start()
	require.Equal(t, first.channel, refusal().channel)

	w.write("in/a.csv", "id,v,v\n1,a,b\n")
	second := refusal()
	require.NotEqual(t, first.channel, second.channel, "another reason is another record")

	w.kill()
	w.start()
	require.Equal(t, second.channel, refusal().channel)
	w.write("in/a.csv", "id,v,w\n1,a,b\n")
	w.expect("1,a,b")
}
