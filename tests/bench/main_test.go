//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLeastRowsAndAllAboveFillTheShopsFiles(t *testing.T) {
	t.Parallel()
	enough := options{rows: leastRows, rounds: 1, seconds: 1, files: 1}
	require.NoError(t, enough.check())
	for rows := leastRows; rows < 10*leastRows; rows++ {
		full := (shopParts - 1) * rowsOfPart(rows)
		require.Less(t, full, rows, "the last file has none of %d rows", rows)
		require.LessOrEqual(t, rows-full, rowsOfPart(rows), "%d rows are too many", rows)
	}
	fewer := enough
	fewer.rows--
	require.EqualError(t, fewer.check(), "rows must be at least 64, and rounds, seconds and files at least 1")
}
