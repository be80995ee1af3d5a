package csvwatch

import (
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var backlogTest = flag.Int("backlog.test", 2000, "how many files TestABacklogIsReadWithBoundedMemory has")

// Not parallel: it measures the heap.
func TestABacklogIsReadWithBoundedMemory(t *testing.T) {
	const perFile, bytesPerFile, fixed = 10, 2 << 10, 32 << 20
	files := *backlogTest
	dir := t.TempDir()
	writeFiles(t, filepath.Join(dir, "in"), files)
	base := heap()
	start := time.Now()
	in := startInput(t, dir, "")
	drain(t, in, 1)
	first := time.Since(start)
	open, most, figures := 0, uint64(0), in.watcher.Figures()
	for step := max(1, files*perFile/20); figures.Acked < int64(files*perFile); figures = in.watcher.Figures() {
		open = max(open, figures.Open)
		most = max(most, heap()-base)
		drain(t, in, min(step, files*perFile-int(figures.Acked)))
	}
	took := time.Since(start)
	t.Logf("%d files: the first row after %v, all after %v, at most %d open and %.1f MB in use", files, first, took, open, float64(most)/1e6)
	require.LessOrEqual(t, open, 64)
	require.Less(t, most, uint64(fixed+files*bytesPerFile))
	require.GreaterOrEqual(t, figures.Finished, int64(files-1), "nobody has asked what comes behind the last row")
}
