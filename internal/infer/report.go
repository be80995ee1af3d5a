package infer

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// maxShown is how much of a cell the report shows, in characters.
const maxShown = 20

// Report writes what was found, and what a person should look at.
func (t *Table) Report(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, %s\n\n", t.Name, counted(t.rows, "row"), t.layoutText())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "column\ttype\tempty\tsmallest\tlargest\texamples")
	for _, c := range t.columns {
		kind := c.choice.sql
		switch {
		case c == t.key:
			kind += " key"
		case c.choice.required:
			kind += " not null"
		}
		examples := make([]string, len(c.examples))
		for i, cell := range c.examples {
			examples[i] = shown(cell)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.name, kind, share(c.empty, c.rows),
			shown(c.choice.smallest), shown(c.choice.largest), strings.Join(examples, " | "))
	}
	_ = table.Flush()
	t.reportNotes(w)
}

func (t *Table) reportNotes(w io.Writer) {
	var notes []string
	for _, c := range t.columns {
		if c.choice.unclear != "" {
			notes = append(notes, fmt.Sprintf("AMBIGUOUS: %s: %s", c.name, c.choice.unclear))
		}
	}
	for _, c := range t.columns {
		if c.choice.remark != "" {
			notes = append(notes, c.name+" "+c.choice.remark)
		}
		if len(c.choice.empties) > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s count as empty, in every column", c.name, strings.Join(c.choice.empties, ", ")))
		}
	}
	if names := t.localTimes(); len(names) > 0 {
		notes = append(notes, fmt.Sprintf("%s: no time zone is named, so the times are stored as they stand (timestamp)", strings.Join(names, ", ")))
	}
	notes = append(notes, t.layout.doubts...)
	if t.key == nil {
		notes = append(notes, "no key is evident: files are loaded once by their positions, and the same row in two files is stored twice")
	}
	if t.bad > 0 {
		notes = append(notes, fmt.Sprintf("%s cannot be read, and would be rejected: %s", counted(t.bad, "row"), strings.Join(t.badRows, "; ")))
	}
	if t.unread > 0 {
		notes = append(notes, fmt.Sprintf("%s were not looked at: the others are enough", counted(t.unread, "file")))
	}
	if len(notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, note := range notes {
		fmt.Fprintln(w, "- "+note)
	}
}

// localTimes returns the columns of times without a zone.
func (t *Table) localTimes() (names []string) {
	for _, c := range t.columns {
		if c.choice.sql == "timestamp" {
			names = append(names, c.name)
		}
	}
	return names
}

// layoutText describes the format of the files.
func (t *Table) layoutText() string {
	encoding := t.layout.encoding
	if encoding == "" {
		encoding = "utf-8"
	}
	text := fmt.Sprintf("delimiter %q, %s", t.layout.delimiter, encoding)
	if t.layout.skipRows > 0 {
		text += fmt.Sprintf(", %s above the %s", counted(t.layout.skipRows, "line"), map[bool]string{true: "header", false: "records"}[t.layout.header])
	}
	if !t.layout.header {
		text += ", no header"
	}
	return text
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func share(part, whole int) string {
	if part == 0 {
		return "-"
	}
	percent := 100 * float64(part) / float64(whole)
	if percent < 1 {
		return "<1%"
	}
	return fmt.Sprintf("%.0f%%", percent)
}

// shown cuts a cell to what fits the table, in one line.
func shown(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, cell)
	if utf8.RuneCountInString(cell) > maxShown {
		cell = string([]rune(cell)[:maxShown-1]) + "…"
	}
	return cell
}
