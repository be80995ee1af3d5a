package pgerr

import (
	"strconv"
	"strings"
)

// LineOf returns the number of the row, counted from 1, at which a COPY into the
// relation failed, or 0 if the server does not say, and the column if it is one.
// The context reads `COPY events, line 3, column price`, the words for line and
// column being translated.
func LineOf(where, relation string) (number int, column string) {
	for line := range strings.Lines(where) {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "COPY "+relation+", ")
		if !ok {
			continue
		}
		_, rest, ok = strings.Cut(rest, " ")
		if !ok {
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(rest)
		}
		if n, err := strconv.Atoi(rest[:end]); err == nil {
			if after, ok := strings.CutPrefix(rest[end:], ", "); ok {
				_, column, _ = strings.Cut(after, " ")
			}
			return n, column
		}
	}
	return 0, ""
}
