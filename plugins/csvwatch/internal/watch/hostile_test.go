package watch

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/fileid"
)

// names are so many different names of columns.
func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "c%d,", i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestAHostileFileIsLoggedOnce(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct{ name, text, logged string }{
		"a header of ten megabytes": {
			"in/x.csv", strings.Repeat("x", 10<<20) + "\n1\n",
			"the header cannot be read: the record is longer than max_record_bytes (1048576)",
		},
		"a header of two hundred thousand columns": {
			"in/x.csv", names(200_000) + "\n1\n",
			"the header cannot be read: the record is longer than max_record_bytes (1048576)",
		},
		"a header of empty names": {"in/x.csv", strings.Repeat(",", 100_000) + "\n1\n", "the header has no names"},
		"a header whose quote is never closed": {
			"in/x.csv", "id,\"v\n" + strings.Repeat("1,a\n", 1<<19),
			"the header cannot be read: the record is longer than max_record_bytes (1048576)",
		},
		"a header that is no text":       {"in/x.csv", "id,\xff\xfe\n1,a\n", "the header cannot be read: invalid UTF-8 (0xFF)"},
		"a header of zeros":              {"in/x.csv", "\x00\x00\x00,\x00\x00\x00\n1,a\n", `the header has NUL bytes, in "\x00\x00\x00"`},
		"a text that is named like gzip": {"in/x.csv.gz", "id,v\n1,a\n2,b\n", "damaged content: gzip: invalid header"},
		"a text that is named like zstd": {"in/x.csv.zst", "id,v\n1,a\n", "damaged content: "},
		"gzip that is named like text":   {"in/x.csv", gzipped(t, "id,v\n1,a\n"), "the content is compressed with gzip: give the file a name that ends in .gz"},
		"gzip in gzip":                   {"in/x.csv.gz", gzipped(t, gzipped(t, "id,v\n1,a\n")), "the content is compressed with gzip"},
		"a bomb without a line end": {
			"in/x.csv.gz", strings.Repeat(gzipped(t, strings.Repeat("\x00", 1<<20)), 32),
			"the header cannot be read: the record is longer than max_record_bytes (1048576)",
		},
		"a window larger than any": {
			// A frame of zstd that asks for a window of 3.75 TB, and begins a block.
			"in/x.csv.zst", "\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00", "damaged content: ",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(c.name, c.text)
			w.start()
			w.write("in/a.csv", "id,v\n1,a\n")
			w.came(1)
			w.until("it is logged", func() bool { return w.log.count(c.logged) > 0 })
			w.expect("1,a")
			w.settle()
			require.Equal(t, 1, w.log.count("cannot be read: "), "the log has:\n%s", w.log)
			// Logged once means once, also over a restart of the watch within it; and it is not touched.
			w.append("in/a.csv", "2,b\n")
			w.expect("2,b")
			require.True(t, w.exists(c.name))
		})
	}
}

func TestAHundredThousandColumnsAreRead(t *testing.T) {
	t.Parallel()
	const columns = 100_000
	w := newWorld(t)
	w.write("in/a.csv", names(columns)+"\n"+strings.Repeat(strings.Repeat("1,", columns-1)+"1\n", 20))
	w.unpumped()
	rows := 0
	for rows < 20 {
		batch, segments := w.next(100)
		require.LessOrEqual(t, len(batch), 2, "what they take is counted")
		for _, row := range batch {
			require.Len(t, row.cells, columns)
			rows++
		}
		for _, s := range segments {
			w.watcher.Done(s)
		}
	}
}

func TestUnreadableFilesDoNotDelayTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 5 {
		name := fmt.Sprintf("in/bad-%d.csv", n)
		w.write(name, "id,id\n1,a\n")
		w.age(name, time.Hour)
	}
	w.write("in/good.csv", "id,v\n1,a\n")
	w.unpumped()
	rows, _ := w.next(100)
	require.Len(t, rows, 6)
	for _, row := range rows[:5] {
		require.Equal(t, int64(0), row.number)
	}
	require.Equal(t, "1,a", rows[5].String())
	require.Equal(t, 5, w.log.count("cannot be read"))
}

func TestAFileIsKeptUntilAllNamesWereScanned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("in/a.csv", "id,v\n1,a\n")
	left := map[string]string{w.path("in/a.csv"): "in/a.csv"}
	for _, name := range []string{"in/b.csv", "in/c.csv"} {
		require.NoError(t, os.Link(w.path("in/a.csv"), w.path(name)))
		left[w.path(name)] = name
	}
	w.start()
	w.expect("1,a")
	w.beQuiet() // so that it is no longer open
	watcher := w.watcher
	for range 2 {
		watcher.mu.Lock()
		require.Len(t, watcher.files, 1)
		var path string
		var id fileid.ID
		for _, f := range watcher.files {
			path, id = f.path, f.st.ID
		}
		watcher.mu.Unlock()
		w.remove(left[path])
		delete(left, path)
		watcher.Gone(path, id)
	}
	for range 3 {
		watcher.forgetLost(false)
	}
	require.Equal(t, 1, w.knownFiles())
	for _, name := range left {
		w.append(name, "2,b\n")
		w.expect("2,b")
		w.beQuiet()
		w.remove(name)
	}
	w.until("it is forgotten", func() bool {
		require.NoError(t, watcher.ScanNow(t.Context()))
		return w.knownFiles() == 0
	})
}
