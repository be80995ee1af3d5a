package watch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// wideCSV has a header of more than a KiB.
func wideCSV(rows int, value string) string {
	var b strings.Builder
	b.WriteString("id,v")
	for n := range 60 {
		fmt.Fprintf(&b, ",attribute_%03d_description", n)
	}
	b.WriteString("\n")
	for n := range rows {
		fmt.Fprintf(&b, "%d,%s%s\n", n, value, strings.Repeat(",", 60))
	}
	return b.String()
}

// writeTable writes a table of so many rows, of which the one in the middle has a value: as a new table, by patching the
// one cell of the one that is there, or by copying a file over it, which keeps times.
func (w *world) writeTable(how, name, rows, value string) {
	w.tb.Helper()
	n, err := strconv.Atoi(rows)
	require.NoError(w.tb, err)
	var b strings.Builder
	b.WriteString("sku,v\n")
	at := 0
	for i := range n {
		price := "19.99"
		if i == n/2 {
			at, price = b.Len()+len("SKU00000,"), value
		}
		fmt.Fprintf(&b, "SKU%05d,%s\n", i, price)
	}
	switch how {
	case "patch":
		w.do("put", []string{name, strconv.Itoa(at), value})
	default:
		w.write(name, b.String())
	}
	if how == "copy" {
		w.do("age", []string{name, "1h"})
	}
}

// expectCount waits for so many rows and checks that no more have come.
func (w *world) expectCount(n int) {
	w.tb.Helper()
	w.settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(w.tb, w.rows, n, "the log has:\n%s", w.log)
	w.rows = nil
}

// changeEntries changes what a watch that has ended left in its store.
func (w *world) changeEntries(change func(*positions.Entry)) {
	w.tb.Helper()
	require.Nil(w.tb, w.watcher)
	store, err := positions.OpenDir(w.path("state"))
	require.NoError(w.tb, err)
	entries, _, err := store.Load(w.tb.Context(), func() []positions.Entry { return nil })
	require.NoError(w.tb, err)
	for i := range entries {
		change(&entries[i])
	}
	require.NoError(w.tb, store.Save(w.tb.Context(), entries, nil))
	require.NoError(w.tb, store.Close())
}

// restore puts copies in the place of all files below a directory, as from a backup: with their names and times.
func (w *world) restore(dir string) {
	w.tb.Helper()
	old := w.path("old")
	require.NoError(w.tb, os.Rename(w.path(dir), old))
	require.NoError(w.tb, filepath.WalkDir(old, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(old, path)
		require.NoError(w.tb, err)
		to := filepath.Join(w.path(dir), rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := os.ReadFile(path)
		require.NoError(w.tb, err)
		require.NoError(w.tb, os.WriteFile(to, text, 0o644))
		st, err := os.Stat(path)
		require.NoError(w.tb, err)
		return os.Chtimes(to, st.ModTime(), st.ModTime())
	}))
	require.NoError(w.tb, os.RemoveAll(old))
}
