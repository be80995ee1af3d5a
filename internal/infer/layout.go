package infer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/sample"
)

const (
	headBytes    = 64 << 10
	layoutBytes  = 1 << 20 // of a file from which its layout is taken
	layoutRows   = 2000
	maxPreamble  = 50 // records above the header
	minNamed     = 0.7
	maxBlankRows = 50
)

// layout is how a file is written.
type layout struct {
	encoding  string // "": UTF-8
	delimiter rune
	skipRows  int      // lines above the header, or above the first record
	header    bool     // the first record has the names
	names     []string // of the columns, as csv_watch calls them; made up where it calls them nothing
	twice     bool     // there is a header, but it has a name more than once
	doubts    []string // what a person should look at
}

func (l layout) options() sample.Options {
	opts := sample.Options{Encoding: l.encoding, Delimiter: l.delimiter, SkipRows: l.skipRows, ParseHeaderRow: l.header}
	if !l.header {
		opts.ExpectedFields = len(l.names)
	}
	return opts
}

// detectLayout finds out how a file is written, by reading its beginning in each
// way that is possible.
func detectLayout(path string) (layout, error) {
	var l layout
	var err error
	if l.encoding, err = detectEncoding(path); err != nil {
		return l, err
	}
	records, err := l.detectDelimiter(path)
	if err != nil {
		return l, err
	}
	if len(records) == 0 {
		return l, fmt.Errorf("%s has no records", path)
	}
	width := usualWidth(records)
	first := firstOfTable(records, width)
	l.names = slices.Clone(records[first])
	l.judgeHeader(records[first], records[first+1:])
	if l.twice && first+1 < len(records) {
		first++ // csv_watch reads no such header
	}
	return l, l.skipTo(path, first, records[first])
}

// detectEncoding returns the encoding by the name that csv_watch has for it.
func detectEncoding(path string) (string, error) {
	head, err := readHead(path)
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(path, ".gz") && !strings.HasSuffix(path, ".zst") {
		if name := utf16Name(head); name != "" {
			return name, nil
		}
	}
	invalid, c1 := false, false
	opts := sample.Options{ExpectedFields: sample.AnyFields}
	_, err = sample.Read(path, opts, fileBytes, func(row sample.Row) bool {
		if row.Err == nil || utf8.ValidString(row.Raw) {
			return true
		}
		invalid = true
		for _, b := range []byte(row.Raw) {
			c1 = c1 || (b >= 0x80 && b < 0xA0)
		}
		return true
	})
	switch {
	case err != nil:
		return "", err
	case c1:
		return "windows-1252", nil
	case invalid:
		return "iso-8859-1", nil
	}
	return "", nil
}

func readHead(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return head[:n], nil
}

// utf16Name recognises UTF-16 by its mark, or by the NUL bytes of its first line.
func utf16Name(head []byte) string {
	if bytes.HasPrefix(head, []byte("\xFF\xFE")) || bytes.HasPrefix(head, []byte("\xFE\xFF")) {
		return "utf-16"
	}
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	var nuls [2]int
	for i, b := range line {
		if b == 0 {
			nuls[i%2]++
		}
	}
	switch {
	case nuls[0] == 0 && nuls[1] > len(line)/4:
		return "utf-16le"
	case nuls[1] == 0 && nuls[0] > len(line)/4:
		return "utf-16be"
	}
	return ""
}

// detectDelimiter sets the delimiter with which the records agree best on their
// number of cells, and returns them.
func (l *layout) detectDelimiter(path string) (best [][]string, err error) {
	bestScore := 0.0
	for _, delimiter := range []rune{'\t', ';', '|', ','} {
		var records [][]string
		opts := sample.Options{Encoding: l.encoding, Delimiter: delimiter, ExpectedFields: sample.AnyFields, TrimSpace: true}
		_, err := sample.Read(path, opts, layoutBytes, func(row sample.Row) bool {
			if row.Err == nil {
				records = append(records, append([]string(nil), row.Fields...))
			}
			return len(records) < layoutRows
		})
		if err != nil {
			return nil, err
		}
		width := usualWidth(records)
		score := 0.0
		for _, record := range records {
			if len(record) == width && width > 1 {
				score += 1 / float64(len(records))
			}
		}
		// In a comma-separated file another character splits every record alike
		// only by a rare chance, while a comma may stand in each price.
		if best == nil || score > bestScore+0.1 {
			l.delimiter, best, bestScore = delimiter, records, score
		}
	}
	if bestScore == 0 {
		l.delimiter = ','
	} else if used := usedDelimiter(path, l); used != 0 {
		l.delimiter = used
	}
	return best, nil
}

// usedDelimiter returns the delimiter that a first line such as sep=; sets.
func usedDelimiter(path string, l *layout) rune {
	if l.encoding != "" {
		return 0
	}
	head, err := readHead(path)
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\uFEFF")), []byte{'\n'})
	text := strings.Trim(strings.TrimSpace(strings.ReplaceAll(string(line), "\t", "\\t")), `"`)
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "sep="); ok {
		if rest == `\t` {
			return '\t'
		}
		if r, size := utf8.DecodeRuneInString(rest); size > 0 && size == len(rest) {
			return r
		}
	}
	return 0
}

// usualWidth returns the number of cells that most records have.
func usualWidth(records [][]string) (width int) {
	counts := map[int]int{}
	for _, record := range records {
		counts[len(record)]++
		if n := counts[len(record)]; n > counts[width] || (n == counts[width] && len(record) > width) {
			width = len(record)
		}
	}
	return width
}

// firstOfTable returns which record is the header, or the first of a table without
// one: the first that has the usual number of cells, and few empty ones among them.
func firstOfTable(records [][]string, width int) int {
	fallback := -1
	for i, record := range records[:min(len(records), maxPreamble)] {
		if len(record) != width {
			continue
		}
		if fallback < 0 {
			fallback = i
		}
		filled := 0
		for _, cell := range record {
			if cell != "" {
				filled++
			}
		}
		if float64(filled) >= minNamed*float64(width) {
			return i
		}
	}
	return max(fallback, 0)
}

// skipTo sets how many lines stand above a record, by trying: records before it may
// have several lines, and there may be empty ones.
func (l *layout) skipTo(path string, records int, want []string) error {
	for lines := records; lines <= records+maxBlankRows; lines++ {
		var got []string
		opts := sample.Options{Encoding: l.encoding, Delimiter: l.delimiter, SkipRows: lines, ExpectedFields: sample.AnyFields, TrimSpace: true}
		_, err := sample.Read(path, opts, layoutBytes, func(row sample.Row) bool {
			got = append([]string(nil), row.Fields...)
			return row.Err != nil
		})
		if err != nil {
			return err
		}
		if slices.Equal(got, want) {
			l.skipRows = lines
			return nil
		}
	}
	return fmt.Errorf("%s: the header cannot be distinguished from the lines above it: remove these", path)
}

// judgeHeader decides whether a record is a header, and names the columns.
func (l *layout) judgeHeader(first []string, rest [][]string) {
	seen := map[string]bool{}
	twice, empty := "", 0
	for _, name := range first {
		if name == "" {
			empty++
		} else if seen[name] {
			twice = name
		}
		seen[name] = true
	}
	switch {
	case empty == len(first) || looksLikeData(first):
		l.doubts = append(l.doubts, "the first record looks like data: the columns are called column_1 and so on; if it is a header, say so with parse_header_row: true")
		for i := range first {
			l.names[i] = columnN(i)
		}
		return
	case twice != "":
		l.doubts = append(l.doubts, fmt.Sprintf("the header has %q more than once: it is skipped, and the mapping names the columns by their place", twice))
		l.names, l.twice = distinct(first), true
		return
	}
	l.header = true
	for i, name := range first {
		if name == "" {
			l.names[i] = columnN(i)
		}
	}
	if !hasTypedColumn(rest) {
		l.doubts = append(l.doubts, "every column is text, so a header cannot be distinguished from data: the first record is taken for the header")
	}
}

func columnN(i int) string { return fmt.Sprintf("column_%d", i+1) }

// distinct returns the names with numbers behind those that come again.
func distinct(names []string) []string {
	out := make([]string, len(names))
	taken := map[string]bool{}
	for i, name := range names {
		if name == "" {
			name = columnN(i)
		}
		unique := name
		for n := 2; taken[unique]; n++ {
			unique = fmt.Sprintf("%s_%d", name, n)
		}
		out[i], taken[unique] = unique, true
	}
	return out
}

// looksLikeData reports whether a record has a cell that no column would be called.
func looksLikeData(cells []string) bool {
	for _, cell := range cells {
		if cell != "" && isTyped(cell) {
			return true
		}
	}
	return false
}

func hasTypedColumn(records [][]string) bool {
	for _, record := range records {
		if looksLikeData(record) {
			return true
		}
	}
	return len(records) == 0
}
