//go:build unix

package csvwatch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestARewrittenFileGetsANewChannel kills a pipeline before its first periodic save and rewrites the file with
// the same long header and other rows.
func TestARewrittenFileGetsANewChannel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "in"), 0o755))
	path := filepath.Join(dir, "in", "a.csv")
	write := func(from, rows int) {
		var b strings.Builder
		b.WriteString("id,v")
		for n := range 60 {
			fmt.Fprintf(&b, ",attribute_%03d_description", n)
		}
		b.WriteString("\n")
		for n := range rows {
			fmt.Fprintf(&b, "%d,%s%s\n", from+n, "x", strings.Repeat(",", 60))
		}
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	config := childConfig(dir, "  checkpoint_interval: 30s\n")
	seen := names{byID: map[string]string{}, byName: map[string]string{}}
	take := func(rows int) {
		c := startChild(t, config)
		require.Eventually(t, func() bool { return len(c.take(0)) >= rows }, 20*time.Second, time.Millisecond)
		c.end(syscall.SIGKILL)
		seen.add(t, c.take(0))
	}
	write(0, 50)
	take(50)
	write(100, 70)
	take(70)
	require.Len(t, seen.byID, 120)
	require.Len(t, seen.byName, 120)
	take(70)
	require.Len(t, seen.byName, 120, "the same rows keep their names")
}
