package csvwatch

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAOneShotInputEndsWhenAllIsRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		extra string
		rows  []string
		left  int // files
	}{
		"no file":              {},
		"whole files":          {files: map[string]string{"a.csv": "id\n1\n2\n", "b.csv": "id\n3\n"}, rows: []string{`{"id":"1"}`, `{"id":"2"}`, `{"id":"3"}`}, left: 2},
		"a last record":        {files: map[string]string{"a.csv": "id\n1\n2"}, rows: []string{`{"id":"1"}`, `{"id":"2"}`}, left: 1},
		"a header that is bad": {files: map[string]string{"a.csv": "id,id\n1,2\n", "b.csv": "id\n3\n"}, rows: []string{"id,id", `{"id":"3"}`}, left: 2},
		"finished files":       {files: map[string]string{"a.csv": "id\n1\n", "b.csv": "id\n2\n"}, extra: "  delete_on_finish: true\n", rows: []string{`{"id":"1"}`, `{"id":"2"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "in"), 0o755))
			for name, content := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "in", name), []byte(content), 0o644))
			}
			p := startPipeline(t, dir, "  exit_after_read: true\n  quiet_period: 50ms\n"+test.extra)
			select {
			case err := <-p.ended:
				require.NoError(t, err)
				p.ended <- nil // for the clean-up
			case <-time.After(time.Minute):
				require.FailNow(t, "it does not end")
			}
			require.ElementsMatch(t, test.rows, p.rows)
			left, err := filepath.Glob(filepath.Join(dir, "in", "*"))
			require.NoError(t, err)
			require.Len(t, left, test.left)
		})
	}
}
