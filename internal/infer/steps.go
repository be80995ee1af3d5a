package infer

import (
	"fmt"
	"regexp"
	"strings"
)

// timeName is what columns of times are called.
var timeName = regexp.MustCompile(`(^|_)(time|timestamp|ts|date|at|on|created|updated|modified)$`)

func autoTime(source string) string { return source + ".ts_parse_auto()" }

// steps reads a date.
func (c *calendar) steps(source string) string {
	return fmt.Sprintf("%s.ts_strptime(%q)", source, c.layout)
}

// steps takes out what is no part of a number, and writes a decimal point.
func (n *number) steps(source string) string {
	if len(n.stripped) == 1 {
		source += fmt.Sprintf(`.replace_all(%q, "")`, n.stripped[0])
	} else if len(n.stripped) > 1 {
		source += fmt.Sprintf(`.re_replace_all(%q, "")`, "["+strings.Join(n.stripped, "")+"]")
	}
	if n.decimal == ',' && n.decimals {
		source += `.replace_all(",", ".")`
	}
	return source
}

// steps makes words boolean; PostgreSQL refuses others.
func (w *wordPair) steps(source string) string {
	return fmt.Sprintf(`match %s.lowercase() { %q => true, %q => false, _ => this }`, source, w.pair[0], w.pair[1])
}
