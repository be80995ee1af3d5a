package watch

import (
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// A script is a situation in a few lines: see testdata/situations for the words.
func runScript(t *testing.T, text string, prepare func(*world)) {
	w := newWorld(t)
	prepare(w)
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := splitWords(t, line)
		t.Logf("%d: %s", n+1, line)
		w.do(words[0], words[1:])
	}
	if w.watcher != nil {
		w.expect()
	}
}

// splitWords cuts a line at spaces; a word in double quotes is a Go string.
func splitWords(t *testing.T, line string) (words []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			require.NoError(t, err, line)
			word, err := strconv.Unquote(quoted)
			require.NoError(t, err, line)
			words, line = append(words, word), line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words
}

func (w *world) do(word string, args []string) {
	w.tb.Helper()
	switch word {
	case "set":
		w.set(args[0], args[1:])
	case "start":
		w.start()
	case "stop":
		w.close()
	case "kill":
		w.kill()
	case "save":
		require.NoError(w.tb, w.watcher.save(context.Background()))
	case "write":
		w.write(args[0], args[1])
	case "append":
		w.append(args[0], args[1])
	case "gzip":
		w.write(args[0], gzipped(w.tb, args[1]))
	case "gzip-append":
		w.append(args[0], gzipped(w.tb, args[1]))
	case "gzip-cut":
		text := gzipped(w.tb, args[1])
		w.write(args[0], text[:len(text)-10])
	case "gzip-rest":
		text := gzipped(w.tb, args[1])
		w.append(args[0], text[len(text)-10:])
	case "zstd":
		w.write(args[0], zstdded(w.tb, args[1]))
	case "wide":
		n, err := strconv.Atoi(args[1])
		require.NoError(w.tb, err)
		w.write(args[0], wideCSV(n, args[2]))
	case "table", "patch", "copy":
		w.writeTable(word, args[0], args[1], args[2])
	case "count":
		n, err := strconv.Atoi(args[0])
		require.NoError(w.tb, err)
		w.expectCount(n)
	case "channels":
		n, err := strconv.Atoi(args[0])
		require.NoError(w.tb, err)
		w.mu.Lock()
		require.Len(w.tb, w.channels, n)
		w.mu.Unlock()
	case "other-device":
		w.changeEntries(func(e *positions.Entry) { e.File.Dev += 1 << 20 })
	case "restore":
		w.restore(args[0])
	case "rename":
		w.rename(args[0], args[1])
	case "remove":
		w.remove(args[0])
	case "truncate":
		size, err := strconv.ParseInt(args[1], 10, 64)
		require.NoError(w.tb, err)
		require.NoError(w.tb, os.Truncate(w.path(args[0]), size))
	case "put":
		at, err := strconv.ParseInt(args[1], 10, 64)
		require.NoError(w.tb, err)
		f, err := os.OpenFile(w.path(args[0]), os.O_WRONLY, 0)
		require.NoError(w.tb, err)
		_, err = f.WriteAt([]byte(args[2]), at)
		require.NoError(w.tb, err)
		require.NoError(w.tb, f.Close())
	case "zstd-cut":
		text := zstdded(w.tb, args[1])
		w.write(args[0], text[:len(text)-3])
	case "zstd-rest":
		text := zstdded(w.tb, args[1])
		w.append(args[0], text[len(text)-3:])
	case "touch":
		now := time.Now()
		require.NoError(w.tb, os.Chtimes(w.path(args[0]), now, now))
	case "age":
		age, err := time.ParseDuration(args[1])
		require.NoError(w.tb, err)
		at := time.Now().Add(-age)
		require.NoError(w.tb, os.Chtimes(w.path(args[0]), at, at))
	case "mkdir":
		require.NoError(w.tb, os.MkdirAll(w.path(args[0]), 0o755))
	case "link":
		require.NoError(w.tb, os.Link(w.path(args[0]), w.path(args[1])))
	case "symlink":
		require.NoError(w.tb, os.Symlink(args[0], w.path(args[1])))
	case "fifo", "socket":
		makeSpecial(w.tb, word, w.path(args[0]))
	case "look":
		w.settle()
	case "quiet":
		w.beQuiet()
	case "rows":
		w.expect(args...)
	case "hold":
		w.mu.Lock()
		w.hold = true
		w.mu.Unlock()
	case "done":
		w.releaseHeld()
	case "gone":
		w.until(args[0]+" is gone", func() bool { return !w.exists(args[0]) })
	case "there":
		w.until(args[0]+" is there", func() bool { return w.exists(args[0]) })
	case "content":
		text, err := os.ReadFile(w.path(args[0]))
		require.NoError(w.tb, err)
		require.Equal(w.tb, args[1], string(text))
	case "says":
		w.until("the log says "+args[0], func() bool { return w.log.count(args[0]) > 0 })
	case "said":
		n, err := strconv.Atoi(args[0])
		require.NoError(w.tb, err)
		require.Equal(w.tb, n, w.log.count(args[1]), "the log has:\n%s", w.log)
	case "kept":
		n, err := strconv.Atoi(args[0])
		require.NoError(w.tb, err)
		require.Nil(w.tb, w.watcher, "only a watch that has ended can be looked behind")
		store, err := positions.OpenDir(w.path("state"))
		require.NoError(w.tb, err)
		entries, _, err := store.Load(context.Background(), func() []positions.Entry { return nil })
		require.NoError(w.tb, err)
		require.Len(w.tb, entries, n)
		require.NoError(w.tb, store.Close())
	case "refused":
		w.settle()
		w.mu.Lock()
		got := []string{}
		for _, d := range w.refused {
			require.EqualError(w.tb, d.bad, "the file is refused: "+args[len(got)*2+1])
			got = append(got, d.raw)
		}
		w.refused = nil
		w.mu.Unlock()
		require.Len(w.tb, got, len(args)/2)
		for i := range got {
			require.Equal(w.tb, args[i*2], got[i])
		}
	case "known":
		n, err := strconv.Atoi(args[0])
		require.NoError(w.tb, err)
		w.until("so many files are known: "+args[0], func() bool {
			require.NoError(w.tb, w.watcher.ScanNow(context.Background()))
			return w.knownFiles() == n
		})
	default:
		w.tb.Fatalf("no such word: %s", word)
	}
}

func (w *world) set(name string, args []string) {
	w.tb.Helper()
	switch name {
	case "globs":
		w.globs = args
	case "exclude":
		w.exclude = args
	case "poll":
		w.options.PollInterval, w.options.Notify = 5*time.Millisecond, false
	case "delete":
		w.options.Finish, w.hangs = remove, false
	case "crash-after-delete":
		w.hangs = true
		w.options.Finish = func(ctx context.Context, aside, _ string) error {
			if err := os.Remove(aside); err != nil {
				return err
			}
			<-ctx.Done() // what comes behind it never happens
			return ctx.Err()
		}
	case "read-replaced-anew":
		w.options.ResumeReplaced = false
	case "delimiter":
		w.options.Rows.Delimiter = []rune(args[0])[0]
	case "move":
		w.avoid = w.path(args[0])
		w.options.Finish = finish.NewMover(w.path(args[0])).Move
	case "quiet":
		d, err := time.ParseDuration(args[0])
		require.NoError(w.tb, err)
		w.options.Quiet = d
	case "minimum-age":
		d, err := time.ParseDuration(args[0])
		require.NoError(w.tb, err)
		w.options.MinimumAge = d
	case "stop-at-bad-row":
		w.options.StopAtBadRow = true
	case "by-name":
		w.options.ByName = true
	case "expected-headers":
		w.options.Rows.ExpectedHeaders = args
	case "reject-missing":
		w.options.Rows.RejectMissing = true
	case "skip-rows":
		n, err := strconv.Atoi(args[0])
		require.NoError(w.tb, err)
		w.options.Rows.SkipRows = n
	case "skip-repeated-headers":
		w.options.Rows.SkipRepeatedHeaders = true
	case "trim-space":
		w.options.Rows.TrimSpace = true
	case "reject-drift":
		w.options.Rows.RejectDrift = true
	case "encoding":
		w.options.Rows.Encoding = args[0]
	case "no-header":
		w.options.Rows.ParseHeaderRow = false
	default:
		w.tb.Fatalf("no such setting: %s", name)
	}
}

func gzipped(tb testing.TB, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(tb, err)
	require.NoError(tb, z.Close())
	return b.String()
}

func zstdded(tb testing.TB, text string) string {
	z, err := zstd.NewWriter(nil)
	require.NoError(tb, err)
	return string(z.EncodeAll([]byte(text), nil))
}

// TestSituations runs every script of testdata/situations, with notification and without.
//
//promise:identity
func TestSituations(t *testing.T) {
	t.Parallel()
	scripts, err := fs.Glob(os.DirFS("testdata/situations"), "*.txt")
	require.NoError(t, err)
	require.Greater(t, len(scripts), 40)
	for _, script := range scripts {
		text, err := os.ReadFile(filepath.Join("testdata/situations", script))
		require.NoError(t, err)
		name := strings.TrimSuffix(script, ".txt")
		t.Run(name+"/notified", func(t *testing.T) {
			t.Parallel()
			runScript(t, string(text), func(*world) {})
		})
		t.Run(name+"/polled", func(t *testing.T) {
			t.Parallel()
			runScript(t, string(text), func(w *world) { w.set("poll", nil) })
		})
	}
}
