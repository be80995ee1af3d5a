package watch

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFileSystemThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("in/a.csv", "id,v\n1,a\n")
	watcher := w.unpumped()
	_, segments := w.next(10)
	watcher.Done(segments[0])
	w.append("in/a.csv", "2,b\n")

	watcher.reader.mu.Lock() // as while a file is read that does not answer
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := watcher.Next(ctx, 10, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, watcher.Close(ctx), "a file system does not answer")
	watcher.reader.mu.Unlock()
	w.watcher, w.byHand = nil, false

	w.start()
	w.expect("2,b") // what was done was saved
}
