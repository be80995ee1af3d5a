package csvrows

import (
	"fmt"
	"strings"
)

// Layout names what decides where rows begin and how they are counted, the encoding first. A Position belongs to one
// layout: with another encoding its offset has another meaning, and with another layout its rows may have other numbers.
func (o Options) Layout() string {
	return fmt.Sprintf("%s delimiter=%q comment=%q lazy_quotes=%t skip_rows=%d header=%t",
		o.encoding(), o.delimiter(), o.Comment, o.LazyQuotes, o.SkipRows, o.ParseHeaderRow)
}

// EncodingOf returns the encoding that a layout names.
func EncodingOf(layout string) string {
	encoding, _, _ := strings.Cut(layout, " ")
	return encoding
}

// encoding is the one name of the encoding that is used here.
func (o Options) encoding() string {
	switch name := strings.ToLower(o.Encoding); name {
	case "", "utf8":
		return "utf-8"
	case "utf16":
		return "utf-16"
	default:
		return name
	}
}
