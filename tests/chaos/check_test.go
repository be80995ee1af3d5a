//go:build unix

package chaos

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// rawNumber finds the number of a row in its raw record.
var rawNumber = regexp.MustCompile(`\br(\d+) c\d+\b`)

// requireOnce checks that each good row is stored once, and each bad one rejected once.
func (w *writer) requireOnce() {
	t := w.c.t
	t.Helper()
	stored, rejected := make([]int, len(w.rows)), make([]int, len(w.rows))
	var wrong []string
	w.forEach("SELECT user_id, 0, '' FROM "+w.c.mode.table+" WHERE user_id >= 0", func(number, _ int64, _ string) {
		stored[number]++
	})
	w.forEach("SELECT -1, coalesce(row_number, -1), stage || ': ' || reason || ': ' || raw FROM rejected_events", func(_, row int64, text string) {
		number := -1
		if match := rawNumber.FindStringSubmatch(text); match != nil {
			number, _ = strconv.Atoi(match[1])
		}
		if number < 0 || number >= len(w.rows) {
			wrong = append(wrong, "rejected, but never written: "+text)
			return
		}
		rejected[number]++
		if r := w.rows[number]; !r.bad || int64(r.row) != row {
			wrong = append(wrong, fmt.Sprintf("rejected as row %d, but is %s: %s", row, w.describe(number), text))
		}
	})
	for number, r := range w.rows {
		wantStored, wantRejected := 1, 0
		if r.bad {
			wantStored, wantRejected = 0, 1
		}
		if stored[number] != wantStored || rejected[number] != wantRejected {
			wrong = append(wrong, fmt.Sprintf("stored %d times, rejected %d times: %s", stored[number], rejected[number], w.describe(number)))
		}
	}
	if n := len(wrong); n > 40 {
		wrong = append(wrong[:40], fmt.Sprintf("and %d more", n-40))
	}
	require.Empty(t, strings.Join(wrong, "\n"))
}

func (w *writer) describe(number int) string {
	r := w.rows[number]
	quality := "good"
	if r.bad {
		quality = "bad"
	}
	return fmt.Sprintf("%s row %d (number %d) of %s, which has %d", quality, r.row, number, r.content.path, r.content.rows)
}

func (w *writer) forEach(query string, do func(number, row int64, text string)) {
	w.c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), rig.Timeout)
	defer cancel()
	rows, err := w.c.site.DB.Pool.Query(ctx, query)
	require.NoError(w.c.t, err)
	var number, row int64
	var text string
	_, err = pgx.ForEachRow(rows, []any{&number, &row, &text}, func() error {
		do(number, row, text)
		return nil
	})
	require.NoError(w.c.t, err)
}
