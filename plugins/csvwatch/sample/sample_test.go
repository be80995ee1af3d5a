package sample_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/sample"
)

func read(t *testing.T, content string, opts sample.Options, maxBytes int64) (columns []string, rows int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	columns, err := sample.Read(path, opts, maxBytes, func(row sample.Row) bool {
		if row.Err == nil {
			rows++
		}
		return rows < 5000
	})
	require.NoError(t, err)
	return columns, rows
}

func TestARowWithoutALineEndIsRead(t *testing.T) {
	t.Parallel()
	columns, rows := read(t, "id,name\n1,lamp\n2,chair", sample.Options{ParseHeaderRow: true}, 1<<20)
	require.Equal(t, []string{"id", "name"}, columns)
	require.Equal(t, 2, rows)
}

//promise:bounded-memory
func TestReadingStopsAtItsBounds(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 99) + "\n"
	_, rows := read(t, strings.Repeat(line, 100_000), sample.Options{}, 100_000)
	require.Less(t, rows, 4000, "some of the content that is at hand")
	_, rows = read(t, strings.Repeat(line, 100_000), sample.Options{}, 1<<30)
	require.Equal(t, 5000, rows, "as many as are wanted")
}

func TestAnEndlessRecordIsGivenUp(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "a.csv"))
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, file.Truncate(1<<40)) // a terabyte of NULs in one line
	began := time.Now()
	_, err = sample.Read(file.Name(), sample.Options{}, 1<<20, func(sample.Row) bool { return true })
	require.NoError(t, err)
	require.Less(t, time.Since(began), 20*time.Second)
}
