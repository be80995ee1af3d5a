package csvrows

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACallReadsABoundedPart(t *testing.T) {
	t.Parallel()
	const size = 8 * ReadBytes
	fill := func(pattern string) string { return strings.Repeat(pattern, size/len(pattern)) }
	opts := with(headed, func(o *Options) { o.Comment, o.MaxRecordBytes = '#', 100_000 })
	for kind, c := range map[string]struct {
		content string
		rows    int
	}{
		"empty lines":                {"a,b\n" + fill("\n") + "1,2\n", 1},
		"empty lines in front":       {fill("\r\n") + "a,b\n1,2\n", 1},
		"comments":                   {"a,b\n" + fill("# nothing\n") + "1,2\n", 1},
		"one long comment":           {"a,b\n#" + fill("x") + "\n1,2\n", 1},
		"a line that does not end":   {"a,b\n" + fill("\x00") + "\n1,2\n", 2},
		"a quote that is not closed": {"a,b\n1,\"" + fill("x\n") + "1,2\n", 2},
		"long rows":                  {"a,b\n" + strings.Repeat("1,"+strings.Repeat("x", 99_000)+"\n", 20), 20},
		"long rows behind short":     {"a,b\n" + strings.Repeat("1,2\n", 1000) + strings.Repeat("1,"+strings.Repeat("x", 99_000)+"\n", 20), 1020},
	} {
		for _, name := range []string{"x.csv", "x.csv.gz", "x.csv.zst"} {
			t.Run(kind+" in "+name, func(t *testing.T) {
				t.Parallel()
				bytes := packed(t, name, c.content)
				want := readWhole(t, bytes, name, opts, Position{})
				require.Len(t, want.Rows, c.rows)
				r, err := Open(whole(bytes), name, opts, Position{})
				require.NoError(t, err)
				defer r.Close()
				checkCalls(t, r, want.Rows)

				// And so on the way to where reading is to go on.
				last := want.Rows[len(want.Rows)-1]
				r, err = Open(whole(bytes), name, opts, Position{Offset: last.End, Row: last.Number})
				require.NoError(t, err)
				defer r.Close()
				checkCalls(t, r, nil)
			})
		}
	}
}

// checkCalls reads to the end, and checks how far each call goes.
func checkCalls(t *testing.T, r *Reader, want []Row) {
	t.Helper()
	var rows []Row
	var err error
	for at := int64(0); !errors.Is(err, io.EOF); {
		had := len(rows)
		rows, err = r.Read(rows, 1<<20)
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
		}
		end := r.win.offset(r.win.end)
		if at > 0 && r.stage == atRows {
			require.LessOrEqual(t, end-at, int64(2*ReadBytes))
		}
		at = end
		text := 0
		for _, row := range rows[had:] {
			text += len(row.Raw)
		}
		require.LessOrEqual(t, text, 2*ReadBytes)
	}
	assert.Len(t, rows, len(want))
	for i, row := range rows {
		require.Equal(t, want[i].End, row.End)
	}
}
