package main

import (
	"regexp"
	"strings"
)

// The engine's own shared fields (batching, TLS …) are described in AsciiDoc,
// and so are plugins that follow its habit. These are the few forms in use.
var (
	crossReference = regexp.MustCompile(`xref:[^\s\[]+\[([^\]]*)\]`)
	innerReference = regexp.MustCompile(`<<[^,>]+,\s*([^>]+)>>`)
	link           = regexp.MustCompile(`(https?://[^\s\[\]()]+)\[([^\]]*?)\^?\]`)
	heading        = regexp.MustCompile(`^(={2,5}) (\S.*)$`)
)

// toMarkdown turns a description into Markdown. Text that is Markdown already
// stays as it is, and so does code.
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
		// The engine's pages are not beside ours, so its references keep only their words.
		line = crossReference.ReplaceAllString(line, "$1")
		line = innerReference.ReplaceAllString(line, "$1")
		lines[i] = link.ReplaceAllString(line, "[$2]($1)")
	}
	return strings.Join(lines, "\n")
}

// tableCell makes text fit into one cell of a table.
func tableCell(text string) string {
	text = strings.Join(strings.Fields(toMarkdown(text)), " ")
	return strings.ReplaceAll(text, "|", `\|`)
}
