package csvfiles

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestOutput(t testing.TB, yaml string) *output {
	conf, err := parse(t, yaml)
	require.NoError(t, err)
	o := newOutput(conf, service.MockResources().Logger())
	require.NoError(t, o.Connect(t.Context()))
	t.Cleanup(func() { require.NoError(t, o.Close(context.Background())) })
	return o
}

func batchOf(contents ...any) (batch service.MessageBatch) {
	for _, content := range contents {
		msg := service.NewMessage(nil)
		if raw, ok := content.(string); ok {
			msg.SetBytes([]byte(raw))
		} else {
			msg.SetStructuredMut(content)
		}
		batch = append(batch, msg)
	}
	return batch
}

type object = map[string]any

func TestABatchBecomesOneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := newTestOutput(t, "path: "+dir+"/a/b/events-${! count(\"TestABatchBecomesOneFile\") }-${! uuid_v4() }.csv\ncolumns: [ id, name, price ]")
	require.NoError(t, o.WriteBatch(t.Context(), batchOf(
		object{"id": 1, "name": `Monitor, 27"`, "price": "19.90"},
		`{"id": 2, "name": "x\ny", "price": 5.50}`,
		object{"id": 3},
	)))
	files := names(t, dir+"/a/b")
	require.Len(t, files, 1)
	assert.Regexp(t, `^events-[0-9]+-[0-9a-f-]{36}\.csv$`, files[0])
	assert.Equal(t, "id,name,price\n1,\"Monitor, 27\"\"\",19.90\n2,\"x\ny\",5.50\n3,,\n", read(t, dir+"/a/b/"+files[0]))
	info, err := os.Stat(dir + "/a/b/" + files[0])
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&0o044, "others may read it, as far as the umask lets them")
}

func TestRowsOfDifferentPathsGoToDifferentFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := newTestOutput(t, `path: '`+dir+`/${! json("a") }/x-${! metadata("b").or("{}") }-${! uuid_v4() }.csv'`)
	batch := batchOf(object{"a": "one"}, object{"a": "two"}, object{"a": "one"}, object{"a": "two"}, object{"a": "one"})
	batch[4].MetaSetMut("b", "other")
	require.NoError(t, o.WriteBatch(t.Context(), batch))
	content := map[string]int{}
	for _, sub := range []string{"one", "two"} {
		for _, name := range names(t, filepath.Join(dir, sub)) {
			content[sub+" "+name[:4]+" "+read(t, filepath.Join(dir, sub, name))]++
		}
	}
	assert.Equal(t, map[string]int{"one x-{} a\none\none\n": 1, "one x-ot a\none\n": 1, "two x-{} a\ntwo\ntwo\n": 1}, content)
}

func TestAFailingPathFailsOnlyItsRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/taken", "a file, not a directory")
	o := newTestOutput(t, `path: '`+dir+`/${! json("to") }/x.csv'`)
	batch := batchOf(object{"to": "fine"}, object{"to": "taken"}, object{"to": "taken"}, "not json", object{"to": "fine"})
	index := batch.Index()
	err := o.WriteBatch(t.Context(), batch)
	var batchErr *service.BatchError
	require.ErrorAs(t, err, &batchErr)
	failed := map[int]string{}
	batchErr.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			failed[i] = err.Error()
		}
		return true
	})
	require.Len(t, failed, 3)
	assert.Contains(t, failed[1], "making the directory of ")
	assert.Contains(t, failed[2], "making the directory of ")
	assert.Contains(t, failed[3], "interpolating path: ")
	assert.Equal(t, "to\nfine\nfine\n", read(t, dir+"/fine/x.csv"))
}

func TestInterpolationsAreFoundInAPath(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]string{
		"plain.csv":                                nil,
		"${{!not}}.csv":                            nil,
		`a/${! json("x") }/${!uuid_v4()}.csv`:      {`${! json("x") }`, `${!uuid_v4()}`},
		`${! {"a":{"b":"}"}}.a.b + "}" }-x-} .csv`: {`${! {"a":{"b":"}"}}.a.b + "}" }`},
	} {
		assert.Equal(t, want, interpolations(raw), raw)
	}
}

func TestATakenNameGetsANumber(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := newTestOutput(t, "path: "+dir+"/events.csv\nheader: false")
	for i := range 3 {
		require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"n": i})))
	}
	assert.Equal(t, []string{"events-1.csv", "events-2.csv", "events.csv"}, names(t, dir))
	assert.Equal(t, "0\n", read(t, dir+"/events.csv"))
	assert.Equal(t, "1\n", read(t, dir+"/events-1.csv"))
	assert.Equal(t, "2\n", read(t, dir+"/events-2.csv"))

	o = newTestOutput(t, "path: "+dir+"/events.csv\nheader: false")
	require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"n": 3})), "another run")
	assert.Equal(t, "3\n", read(t, dir+"/events-3.csv"))
}

func TestWithoutColumnsEveryColumnIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := newTestOutput(t, "path: "+dir+"/x.csv")
	require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"b": 1}, object{"c": 2, "a": 3})))
	assert.Equal(t, "a,b,c\n,1,\n3,,2\n", read(t, dir+"/x.csv"))
}

func TestOneBadRowCostsOneRow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := newTestOutput(t, "path: "+dir+"/x.csv\ncolumns: [ id ]")
	batch := batchOf(object{"id": 1}, object{"id": 2, "more": 0}, `[1]`, object{"id": 4}, `{not json`, object{})
	index := batch.Index()
	err := o.WriteBatch(t.Context(), batch)
	var batchErr *service.BatchError
	require.ErrorAs(t, err, &batchErr)
	failed := map[int]string{}
	batchErr.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if err != nil {
			failed[i] = err.Error()
		}
		return true
	})
	require.Len(t, failed, 4)
	assert.Contains(t, failed[1], `"more"`)
	assert.Equal(t, errNotObject.Error(), failed[2])
	assert.Contains(t, failed[4], "reading the message: ")
	assert.Equal(t, errNotObject.Error(), failed[5])
	assert.Equal(t, "id\n1\n4\n", read(t, dir+"/x.csv"))

	err = o.WriteBatch(t.Context(), batchOf(object{"id": 2, "more": 0}))
	assert.EqualError(t, err, `the row has values that are not in columns: "more"; add them to columns, delete them in a mapping, or set unknown_fields to ignore`)
	assert.Equal(t, []string{"x.csv"}, names(t, dir), "a batch without a good row makes no file")
}

func TestFilesAreCompressed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, want := range map[string]string{"a.csv": "a.csv.gz", "b.csv.gz": "b.csv.gz"} {
		o := newTestOutput(t, "path: "+dir+"/"+name+"\ncompression: gzip")
		require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"id": 1})))
		file, err := os.Open(filepath.Join(dir, want))
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		z, err := gzip.NewReader(file)
		require.NoError(t, err)
		records, err := csv.NewReader(z).ReadAll()
		require.NoError(t, err)
		assert.Equal(t, [][]string{{"id"}, {"1"}}, records)
	}
	assert.Equal(t, []string{"a.csv.gz", "b.csv.gz"}, names(t, dir))
}

func TestAPathThatNamesNoFileIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, dirOrNothing := range []string{"", dir + "/", dir + "/.."} {
		o := newTestOutput(t, `path: '${! json("path") }'`)
		err := o.WriteBatch(t.Context(), batchOf(object{"path": dirOrNothing}))
		assert.EqualError(t, err, fmt.Sprintf("path resolved to %q, which names no file", dirOrNothing))
	}
	o := newTestOutput(t, `path: '${! json("path").number() }'`)
	err := o.WriteBatch(t.Context(), batchOf(object{"path": "x"}))
	assert.ErrorContains(t, err, "interpolating path: ")
}

func TestADirectoryThatCannotBeMadeFailsTheBatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/file", "x")
	o := newTestOutput(t, "path: "+dir+"/file/x.csv")
	err := o.WriteBatch(t.Context(), batchOf(object{"id": 1}, object{"id": 2}))
	assert.ErrorContains(t, err, "making the directory of "+filepath.Join(dir, "file", "x.csv")+": ")
	var batchErr *service.BatchError
	assert.False(t, errors.As(err, &batchErr), "all rows failed")
	assert.Equal(t, []string{"file"}, names(t, dir))
}

func TestStaleFilesAreRemovedAtStartOrFirstWrite(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"a fixed directory":         "events-${! uuid_v4() }.csv",
		"an interpolated directory": `${! json("dir") }/events.csv`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stale := filepath.Join(dir, ".csv_files-0123456789abcdef.tmp")
			write(t, stale, "x")
			old := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(stale, old, old))
			full := dir + "/" + path
			if strings.HasPrefix(path, "${!") {
				full = path
			}
			o := newTestOutput(t, "path: '"+full+"'")
			if strings.HasPrefix(path, "${!") {
				require.FileExists(t, stale)
				require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"dir": dir})))
			}
			assert.NoFileExists(t, stale)
		})
	}
}

func TestADirectoryIsFixedUnlessInterpolated(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"out.csv":                              ".",
		"data/out.csv":                         "data",
		"data/out-${! uuid_v4() }.csv":         "data",
		"data/${! uuid_v4() }.csv":             "data",
		"${! uuid_v4() }.csv":                  ".",
		"data/${! uuid_v4() }/x.csv":           "",
		`${! now().ts_format("2006/01") }.csv`: "",
		`a-${! json("x") }/b-${! json("y") }`:  "",
	} {
		assert.Equal(t, filepath.FromSlash(want), fixedDirectory(path), path)
	}
}

func TestAReaderNeverSeesAPartialFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var rows []any
	for range 2_000 {
		rows = append(rows, object{"text": strings.Repeat("x", 100)})
	}
	o := newTestOutput(t, "path: "+dir+"/events.csv")
	done := make(chan error)
	go func() {
		var err error
		for range 20 {
			err = errors.Join(err, o.WriteBatch(context.Background(), batchOf(rows...)))
		}
		done <- err
	}()
	const size = int64(len("text\n") + 2_000*101)
	for {
		matches, err := filepath.Glob(dir + "/events*.csv")
		require.NoError(t, err)
		for _, match := range matches {
			info, err := os.Stat(match)
			require.NoError(t, err)
			require.Equal(t, size, info.Size())
		}
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		default:
		}
	}
}
