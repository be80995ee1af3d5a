package csvrows

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// advice returns what may be wrong with a header, as a sentence that begins with a full stop, or nothing: another delimiter,
// lines before the header, or no header at all.
func (r *Reader) advice(header []string, raw string) string {
	expected := r.opts.ExpectedHeaders
	had := namesIn(header, expected)
	if had == len(expected) && len(expected) > 0 {
		return ""
	}
	for _, c := range ",;\t|" {
		if len(header) > 1 || c == r.opts.delimiter() {
			continue
		}
		if cells := r.cellsOf(raw, c); len(cells) > 1 && (len(expected) == 0 || namesIn(cells, expected) > had) {
			return ". Its cells seem to be separated by " + strconv.QuoteRune(c) + ": set delimiter to that"
		}
	}
	if line := r.headerBelow(); line > 0 {
		return ". The header seems to be in line " + strconv.Itoa(line) + ": set skip_rows to " + strconv.Itoa(line-1)
	}
	if had == 0 && looksLikeData(header, len(expected) > 0) {
		return ". It looks like data, not like a header: for files without a header set parse_header_row to false"
	}
	return ""
}

// namesIn returns how many of the expected names are in header.
func namesIn(header, expected []string) (n int) {
	for _, name := range expected {
		if slices.Contains(header, name) {
			n++
		}
	}
	return n
}

// cellsOf splits a record at another delimiter than the reader's.
func (r *Reader) cellsOf(raw string, delimiter rune) []string {
	var s scan
	var spans []span
	s.keep = strings.Count(raw, string(delimiter)) + 1
	syn := newSyntax(delimiter, r.opts.LazyQuotes, r.opts.TrimSpace)
	if s.run([]byte(raw), true, syn, &spans); s.err != nil {
		return nil
	}
	cells := make([]string, len(spans))
	r.unquote(cells, raw, spans)
	if r.opts.TrimSpace {
		trim(cells)
	}
	return cells
}

// mostLinesAbove bounds how far below a header is looked for.
const mostLinesAbove = 50

// headerBelow returns the number of the line that has all expected columns, as far as it is in memory; 0 for none.
func (r *Reader) headerBelow() int {
	if len(r.opts.ExpectedHeaders) == 0 || r.win.base > 0 {
		return 0
	}
	rest := r.win.buf[:r.win.end]
	for n := 1; n <= mostLinesAbove; n++ {
		end, next, found := lineEnd(rest, 0, true)
		if !found || next == 0 {
			return 0
		}
		if end <= r.limit && utf8.Valid(rest[:end]) && namesIn(r.cellsOf(string(rest[:end]), r.opts.delimiter()), r.opts.ExpectedHeaders) == len(r.opts.ExpectedHeaders) {
			return n
		}
		rest = rest[next:]
	}
	return 0
}

var (
	// Headers have these in pivot tables only: whole numbers and dates.
	mayBeData = regexp.MustCompile(`^([+-]?[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}.*)$`)
	// Headers do not have these: fractions and UUIDs.
	isData = regexp.MustCompile(`(?i)^([+-]?[0-9]+[.,][0-9]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
)

// looksLikeData reports whether names are more likely cells. When they are known not to be what is expected, less is enough.
func looksLikeData(names []string, unexpected bool) bool {
	may, is, text := 0, 0, 0
	for _, name := range names {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case !strings.ContainsAny(name, "0123456789"):
			text++
		case isData.MatchString(name):
			is++
		case mayBeData.MatchString(name):
			may++
		default:
			text++
		}
	}
	return is > 0 || (may > 0 && (unexpected || text == 0))
}
