package csvrows

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARecordThatIsTooLongCostsOneRow(t *testing.T) {
	t.Parallel()
	const most = 100
	opts := Options{ParseHeaderRow: true, MaxRecordBytes: most, Comment: '#'}
	xs := strings.Repeat("x", 150)
	lines := strings.Repeat("some text\n", 40)
	ok := "4,5,6\n"
	for name, c := range map[string]struct {
		content string
		rows    []wanted
	}{
		"as long as allowed": {
			content: "1,2," + xs[:most-4] + "\n" + ok, rows: []wanted{good("1", "2", xs[:most-4]), good("4", "5", "6")},
		},
		"as long as allowed, with quotes and CRLF": {
			content: "1,2,\"" + xs[:most-6] + "\"\r\n" + ok, rows: []wanted{good("1", "2", xs[:most-6]), good("4", "5", "6")},
		},
		"one byte more": {
			content: "1,2," + xs[:most-3] + "\n" + ok, rows: []wanted{bad(ErrTooLong, "1,2,"+xs[:most-4]), good("4", "5", "6")},
		},
		"one byte more, with quotes": {
			content: "1,2,\"" + xs[:most-5] + "\"\n" + ok, rows: []wanted{bad(ErrTooLong, "1,2,\""+xs[:most-5]), good("4", "5", "6")},
		},
		"as long as allowed, at the end": {content: ok + "1,2," + xs[:most-4], rows: []wanted{good("4", "5", "6"), good("1", "2", xs[:most-4])}},
		"one byte more, at the end":      {content: ok + "1,2," + xs[:most-3], rows: []wanted{good("4", "5", "6"), bad(ErrTooLong, "1,2,"+xs[:most-4])}},
		"a long line": {
			content: "1,2," + strings.Repeat(xs, 50) + "\r\n3\n" + ok,
			rows:    []wanted{bad(ErrTooLong, "1,2,"+xs[:most-4]), bad(csv.ErrFieldCount, "3"), good("4", "5", "6")},
		},
		"a long line that ends in a quote": {
			content: "1,2," + xs + ",\"\n" + ok, rows: []wanted{bad(ErrTooLong, "1,2,"+xs[:most-4]), good("4", "5", "6")},
		},
		"a long quoted line": {
			content: "1,2,\"" + strings.Repeat(xs, 50) + "\"\n" + ok, rows: []wanted{bad(ErrTooLong, "1,2,\""+xs[:most-5]), good("4", "5", "6")},
		},
		"a long cell of many lines": {
			content: "1,2,\"" + lines + "\"\n" + ok + ok, rows: []wanted{bad(ErrTooLong, ("1,2,\"" + lines)[:most]), good("4", "5", "6"), good("4", "5", "6")},
		},
		"a long cell with long lines": {
			content: "1,2,\"\n" + lines + xs + xs + "\n" + xs + "\"\n" + ok, rows: []wanted{bad(ErrTooLong, ("1,2,\"\n" + lines)[:most]), good("4", "5", "6")},
		},
		"a long cell that is never closed": {content: "1,2,\"" + lines, rows: []wanted{bad(ErrTooLong, ("1,2,\"" + lines)[:most])}},
		"a quote that is never closed": {
			content: "1,\"2,3\n" + strings.Repeat(ok, 30), rows: append([]wanted{bad(ErrTooLong, "1,\"2,3")}, many(30, good("4", "5", "6"))...),
		},
		"a quote that is never closed, among comments and empty lines": {
			content: "1,\"2,3\n\n# \"\"\n" + strings.Repeat(ok+"\r\n", 30), rows: append([]wanted{bad(ErrTooLong, "1,\"2,3\n\n# \"\"")}, many(30, good("4", "5", "6"))...),
		},
		"a quote that is never closed, and one line in sight": {
			content: "1,\"2,3\n4,5,6\n7,8," + xs[:90] + "\n" + ok, rows: []wanted{bad(ErrTooLong, "1,\"2,3"), good("4", "5", "6"), good("7", "8", xs[:90]), good("4", "5", "6")},
		},
		"a stray quote that another one closes, in a line that is too long": {
			content: "1,\"2\n" + ok + ok + "\"," + xs + "\n" + ok,
			rows:    []wanted{bad(ErrTooLong, `1,"2`), good("4", "5", "6"), good("4", "5", "6"), bad(ErrTooLong, `",`+xs[:most-2]), good("4", "5", "6")},
		},
		"a long cell that closes in a line with others": {
			content: "1,\"" + lines + "\",3\n#,,\n\n" + ok, rows: []wanted{bad(ErrTooLong, ("1,\"" + lines)[:most]), good("4", "5", "6")},
		},
		"a long comment":            {content: ok + "#\"" + strings.Repeat(xs, 50) + "\n" + ok, rows: []wanted{good("4", "5", "6"), good("4", "5", "6")}},
		"a long comment at the end": {content: ok + "#" + strings.Repeat(xs, 50), rows: []wanted{good("4", "5", "6")}},
		"many cells":                {content: strings.Repeat(",", 120) + "\n" + ok, rows: []wanted{bad(ErrTooLong, strings.Repeat(",", most)), good("4", "5", "6")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := "a,b,c\n" + c.content
			checkRows(t, c.rows, readRows(t, content, opts))
			checkAnyWay(t, content, "x.csv", opts)
			checkAnyWay(t, strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\n", "\r"), "x.csv", opts)
		})
	}
}

func many(n int, w wanted) []wanted {
	var all []wanted
	for range n {
		all = append(all, w)
	}
	return all
}

func TestAdversarialFilesAreReadOnce(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	fill := func(pattern string) string { return strings.Repeat(pattern, size/len(pattern)) }
	for name, c := range map[string]struct {
		content string
		change  func(*Options)
	}{
		"each line opens a quote":               {content: fill("1,\"2\n")},
		"each line opens and closes, badly":     {content: fill("1,\"2\"x\n")},
		"each other line opens a quote":         {content: fill("1,2\n3,\"4\n")},
		"a quote, and then good lines for ever": {content: fill("1,\"2\n" + strings.Repeat("3,4\n", 1<<17))},
		"a quote, and then bad lines for ever":  {content: fill("1,\"2\n" + strings.Repeat("3\n", 1<<18))},
		"doubled quotes":                        {content: fill("1,\"\"\"2\n3,\"\"\n")},
		"only quotes":                           {content: fill("\"")},
		"quotes and delimiters":                 {content: fill("\",")},
		"a quote in each line, lazily":          {content: fill("1,\"2\"3\n"), change: func(o *Options) { o.LazyQuotes = true }},
		"a quote in each other line, lazily":    {content: fill("1,2\n1,\"2\"3\n"), change: func(o *Options) { o.LazyQuotes = true }},
		"lone CRs":                              {content: fill("1,2\r3,\"4\r")},
		"only CRs in quotes":                    {content: "\"" + fill("\r")},
		"no line end":                           {content: fill("x")},
		"comments that open quotes":             {content: fill("#\"\n1,\"2\n"), change: func(o *Options) { o.Comment = '#' }},
		"empty lines in a quote":                {content: "1,\"" + fill("\n")},
		"small records only, and long ones":     {content: fill("1,\"2\n3,4\n"), change: func(o *Options) { o.MaxRecordBytes = 20 }},
		"a delimiter of several bytes":          {content: fill("1§\"2\n3§4\n\""), change: func(o *Options) { o.Delimiter = '§' }},
	} {
		for _, limit := range []int{1000, 300_000} {
			t.Run(fmt.Sprintf("%s/%d", name, limit), func(t *testing.T) {
				t.Parallel()
				opts := Options{ExpectedFields: 2, MaxRecordBytes: limit}
				if c.change != nil {
					c.change(&opts)
				}
				r, err := Open(strings.NewReader(c.content), "x.csv", opts, Position{})
				require.NoError(t, err)
				defer r.Close()
				var rows []Row
				end, number := int64(0), int64(0)
				check := func() {
					for _, row := range rows {
						if row.End <= end || row.Number != number+1 {
							t.Fatalf("row %d ends at %d after row %d at %d", row.Number, row.End, number, end)
						}
						end, number = row.End, row.Number
					}
				}
				for err == nil {
					rows, err = r.Read(rows[:0], 1000)
					check()
				}
				rows, err = r.Finish(rows[:0])
				require.NoError(t, err)
				check()
				assert.Equal(t, int64(len(c.content)), r.Position().Offset)
				assert.LessOrEqual(t, len(r.win.buf), 4*(limit+chunkBytes), "the window is bounded")
			})
		}
	}
}
