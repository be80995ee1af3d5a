package infer_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/unicode"

	"github.com/ecommerce-ingest/connect/internal/infer"
)

// odd are layouts that need more than a header and commas.
var odd = []struct {
	name    string
	files   []string // name, content
	rows    string
	answers []string // statement, answer
}{
	{
		name: "no header", files: []string{"stock.csv", "17,lamp,03.04.2025\n18,chair,14.04.2025\n"}, rows: "2",
		answers: []string{"SELECT column_2 || column_3 FROM stock WHERE column_1 = 18", "chair2025-04-14"},
	},
	{
		name: "no header and empty cells", files: []string{"stock.csv", "17,lamp,03.04.2025\n18,,\n"}, rows: "2",
		answers: []string{"SELECT (column_2 IS NULL AND column_3 IS NULL)::text FROM stock WHERE column_1 = 18", "true"},
	},
	{
		name: "a name twice", files: []string{"a.csv", "Report\n\nsku,price,price\nlamp,1.5,2.5\n"}, rows: "1",
		answers: []string{"SELECT sku || price || price_2 FROM a", "lamp1.52.5"},
	},
	{
		name: "names that SQL and Bloblang need quotes for",
		files: []string{"order.csv", "user,Select,a.b,a~b,\"say \"\"hi\"\"\",Größe (cm),größe_cm,2nd,$,${X},\"x\\y\"\n" +
			"1,2,3,4,5,6,7,8,9,10,11\n1,2,3,4,5,6,7,8,9,10,12\n"},
		rows:    "2",
		answers: []string{`SELECT concat("user", "select", a_b, a_b_2, say_hi, "größe_cm_2", "größe_cm", _2nd, column_9, x, x_y) FROM "order" WHERE x_y = 12`, "1234567891012"},
	},
	{
		name: "UTF-16 with tabs", files: []string{"list.csv", utf16Of("Name\tStück\nÄpfel\t3\nBirnen\t4\n")}, rows: "2",
		answers: []string{`SELECT name FROM list WHERE "stück" = 3`, "Äpfel"},
	},
	{
		name: "compressed Latin-1", files: []string{"list.csv.gz", gzipOf("name;n\nCaf\xe9;3\n")}, rows: "1",
		answers: []string{"SELECT name FROM list", "Café"},
	},
	{
		name:  "files of another order and encoding",
		files: []string{"sales-1.csv", "id,name\n1,lamp\n", "sales-2.csv", "name,id\nCaf\xe9,2\n"}, rows: "2",
		answers: []string{"SELECT string_agg(name, ',' ORDER BY id) FROM sales", "lamp,Café"},
	},
	{
		name: "one column", files: []string{"words.csv", "word\nlamp\nchair\n"}, rows: "2",
		answers: []string{"SELECT min(word) FROM words", "chair"},
	},
	{
		name: "a preamble that is padded", files: []string{"export.csv", "Account;12;;\n;;;\nid;day;text;amount\n1;2025-01-02;a,b;1.000,50\n2;2025-01-03;c,d;-1,25\n"}, rows: "2",
		answers: []string{"SELECT sum(amount)::text FROM export", "999.25", "SELECT text FROM export WHERE id = 1", "a,b"},
	},
	{
		name: "carriage returns alone", files: []string{"mac.csv", "id,n\r1,5\r2,6\r"}, rows: "2",
		answers: []string{"SELECT sum(n)::text FROM mac", "11"},
	},
	{
		name: "times of several forms", files: []string{"t.csv", "id,at\n1,2025-01-02T03:04:05Z\n2,2025-01-02 03:04\n3,2025-01-02\n"}, rows: "3",
		answers: []string{"SELECT max(at)::text || min(at)::text FROM t", "2025-01-02 03:04:05+00" + "2025-01-02 00:00:00+00"},
	},
	{
		name: "Unix milliseconds", files: []string{"t.csv", "id,created_at\n1,1767323045123\n2,1767323046123\n"}, rows: "2",
		answers: []string{"SELECT min(created_at)::text FROM t", "2026-01-02 03:04:05.123+00"},
	},
	{
		name: "amounts with currency and thousands", files: []string{"t.csv", "id;a;b;c\n1;€ 1.234,50;1 234,5;1'234.50\n2;€ -5,00;2 000,25;12.00\n"}, rows: "2",
		answers: []string{"SELECT sum(a) || ' ' || sum(b) || ' ' || sum(c) FROM t", "1229.50 3234.75 1246.50"},
	},
	{
		name: "a clock of twelve hours", files: []string{"t.csv", "id,at,clock\n1,1/31/2025 12:05 AM,08:30\n2,2/1/2025 1:00 PM,23:59\n"}, rows: "2",
		answers: []string{"SELECT string_agg(at || ' ' || clock, ',' ORDER BY id) FROM t", "2025-01-31 00:05:00 08:30:00,2025-02-01 13:00:00 23:59:00"},
	},
	{
		name: "JSON and codes", files: []string{"t.csv", "id,doc,zip,phone\n1,\"{\"\"a\"\": [1]}\",01234,+49 30 1\n2,[],98765,0\n"}, rows: "2",
		answers: []string{"SELECT (doc->'a'->>0) || zip || phone FROM t WHERE id = 1", "101234+49 30 1"},
	},
}

func TestOddLayoutsLoadAsInferred(t *testing.T) {
	t.Parallel()
	for _, test := range odd {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var paths []string
			for i := 0; i < len(test.files); i += 2 {
				path := filepath.Join(dir, test.files[i])
				require.NoError(t, os.WriteFile(path, []byte(test.files[i+1]), 0o600))
				paths = append(paths, path)
			}
			table, err := infer.Look(paths, "")
			require.NoError(t, err)
			files, err := table.Files(dir)
			require.NoError(t, err)
			require.NoError(t, infer.Write(files, false))
			db := load(t, dir, files)
			db.await(test.rows, fmt.Sprintf("SELECT count(*)::text FROM %q", table.Name))
			db.require("0", fmt.Sprintf("SELECT count(*)::text FROM %q", table.Name+"_rejected"))
			for i := 0; i < len(test.answers); i += 2 {
				db.require(test.answers[i+1], test.answers[i])
			}
		})
	}
}

func TestFilesThatCannotBeLoadedAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"empty":       {"", "has no records"},
		"header only": {"id,name\n", "has no rows below the header"},
		"a workbook":  {"PK\x03\x04" + strings.Repeat("\x00", 22) + "\x13\x00\x00\x00[Content_Types].xml" + strings.Repeat("x", 200), "Excel workbook"},
		"too wide":    {strings.Repeat("a,", 2000) + "a\n", "has 2001 columns, and a table at most 1600"},
	} {
		path := filepath.Join(t.TempDir(), "a.csv")
		require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
		_, err := infer.Look([]string{path}, "")
		require.ErrorContains(t, err, test.want, name)
	}
	folder := t.TempDir()
	_, err := infer.Look([]string{folder}, "")
	require.EqualError(t, err, folder+" is not a regular file")
	_, err = infer.Look(nil, "")
	require.EqualError(t, err, "name at least one file")
	_, err = infer.Look([]string{filepath.Join(t.TempDir(), "none.csv")}, "")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFilesOfTwoLayoutsAreToldApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, c, d := filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv"), filepath.Join(dir, "c.csv"), filepath.Join(dir, "d.csv")
	require.NoError(t, os.WriteFile(a, []byte("id,name\n1,Caf\xe9\n"), 0o600))
	require.NoError(t, os.WriteFile(b, []byte("id;name\n1;lamp\n"), 0o600))
	require.NoError(t, os.WriteFile(c, []byte("id,name\n1,\x80uro\n"), 0o600))
	require.NoError(t, os.WriteFile(d, []byte("id,title\n1,lamp\n"), 0o600))
	const apart = " is not laid out like %s (columns, delimiter or lines above the header differ): name them in runs of their own"
	_, err := infer.Look([]string{a, b}, "")
	require.EqualError(t, err, fmt.Sprintf(b+apart, a))
	_, err = infer.Look([]string{a, d}, "")
	require.EqualError(t, err, fmt.Sprintf(d+apart, a))
	_, err = infer.Look([]string{a, c}, "")
	require.EqualError(t, err, fmt.Sprintf("%s is windows-1252 and %s is iso-8859-1: name files of one encoding at a time", c, a))
}

func TestNothingIsOverwrittenUnasked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sql")
	files := []infer.File{{Path: path, Content: "new"}}
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	require.EqualError(t, infer.Write(files, false), path+" is there already: move it away, or say --force to replace it")
	require.NoError(t, infer.Write(files, true))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "new", string(content))
}

func utf16Of(text string) string {
	out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		panic(err)
	}
	return out
}

func gzipOf(content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(content))
	_ = w.Close()
	return b.String()
}
