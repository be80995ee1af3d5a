package main

import (
	"regexp"
	"strings"
)

// The engine describes its shared fields (batching, TLS …) in AsciiDoc, and some
// plugins do the same. These are the forms in use.
var (
	crossReference = regexp.MustCompile(`xref:[^\s\[]+\[([^\]]*)\]`)
	innerReference = regexp.MustCompile(`<<[^,>]+,\s*([^>]+)>>`)
	link           = regexp.MustCompile(`(https?://[^\s\[\]()]+)\[([^\]]*?)\^?\]`)
	heading        = regexp.MustCompile(`^(={2,5}) (\S.*)$`)
)

// toMarkdown converts a description to Markdown. It leaves Markdown and code as
// they are.
func toMarkdown(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	inCode := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inCode = !inCode
			continue
		}
		if inCode {
			continue
		}
		if parts := heading.FindStringSubmatch(line); parts != nil {
			line = strings.Repeat("#", len(parts[1])) + " " + parts[2]
		}
		// The engine's pages are not here, so only the text of its references stays.
		line = crossReference.ReplaceAllString(line, "$1")
		line = innerReference.ReplaceAllString(line, "$1")
		lines[i] = link.ReplaceAllString(line, "[$2]($1)")
	}
	return strings.Join(lines, "\n")
}

// tableCell returns text in a form that fits a cell of a table.
func tableCell(text string) string {
	text = strings.Join(strings.Fields(toMarkdown(text)), " ")
	return strings.ReplaceAll(text, "|", `\|`)
}
