// Package pages runs what the pages of the documentation tell people to type, in the order in which they tell it.
//
// Shell blocks of a page are run one after the other by one shell, in a copy of the repository. A comment in the line
// above a block changes how it is run:
//
//	<!-- test: skip, REASON -->     it is not run
//	<!-- test: until ready -->      its last command runs a pipeline: it is stopped as by Ctrl-C once it is ready and
//	                                has nothing left to read
//	<!-- test: fails with CODE -->  its last command ends with this exit code
//
// YAML blocks are linted: whole configurations as they are, and single components as a part of one.
package pages

import (
	"regexp"
	"strings"
)

// block is one fenced block of a page.
type block struct {
	line      int // of the fence
	language  string
	directive string // what the comment above it says after "test:"
	text      string
}

var directive = regexp.MustCompile(`^<!-- test: (.*) -->$`)

// blocksOf returns the fenced blocks of a Markdown page in their order.
func blocksOf(page string) []block {
	var blocks []block
	var open *block
	last := "" // the last line that is not blank
	for n, line := range strings.Split(page, "\n") {
		language, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{line: n + 1, language: strings.TrimSpace(language)}
			if found := directive.FindStringSubmatch(last); found != nil {
				open.directive = found[1]
			}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
		if strings.TrimSpace(line) != "" {
			last = strings.TrimSpace(line)
		}
	}
	return blocks
}
