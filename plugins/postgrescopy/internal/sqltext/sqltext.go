// Package sqltext reads names as people write them, and writes names and
// literals as SQL.
package sqltext

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxText is how long, in bytes, the name of a table may be, and what is shown
// of one that is longer.
const maxText = 400

// TableName is a table's name as a person writes it: one or two parts, each of
// which may stand in double quotes as in SQL.
type TableName struct {
	schema namePart // empty when the search path decides
	table  namePart
}

type namePart struct {
	text   string
	quoted bool
}

// ParseTableName reads `events`, `shop.events`, `"Odd.Name"` and `shop."Events"`.
func ParseTableName(s string) (TableName, error) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return TableName{}, fmt.Errorf("table name %q: it is not text that PostgreSQL can store", Truncate(s, maxText))
	}
	if len(s) > maxText {
		return TableName{}, fmt.Errorf("table name %q: it is too long", Truncate(s, 63))
	}
	var parts []namePart
	rest := strings.TrimSpace(s)
	for {
		part, after, err := cutNamePart(rest)
		if err != nil {
			return TableName{}, fmt.Errorf("table name %q: %w", s, err)
		}
		parts = append(parts, part)
		if after == "" {
			break
		}
		rest = after[1:] // the dot
	}
	switch len(parts) {
	case 1:
		return TableName{table: parts[0]}, nil
	case 2:
		return TableName{schema: parts[0], table: parts[1]}, nil
	}
	return TableName{}, fmt.Errorf("table name %q: it has %d parts: write table or schema.table, and put a name that holds a dot in double quotes", s, len(parts))
}

// cutNamePart splits the first part of a name from what follows it, which is
// empty or begins with a dot.
func cutNamePart(s string) (part namePart, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		text, _, found := strings.Cut(s, ".")
		if text == "" {
			return part, "", errors.New("a part of it is empty")
		}
		if found {
			rest = s[len(text):]
		}
		return namePart{text: text}, rest, nil
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++ // a doubled quote stands for one
			continue
		}
		part = namePart{text: strings.ReplaceAll(s[1:i], `""`, `"`), quoted: true}
		rest = s[i+1:]
		switch {
		case part.text == "":
			return part, "", errors.New("a part of it is empty")
		case rest != "" && rest[0] != '.':
			return part, "", fmt.Errorf("a dot is missing before %q", rest)
		}
		return part, rest, nil
	}
	return part, "", errors.New("a double quote is not closed")
}

// Spellings returns the quoted forms in which to look for the table, in this order:
// as written, and folded to lower case as SQL folds what is not in quotes.
func (n TableName) Spellings() []string {
	exact := n.join(func(p namePart) string { return p.text })
	folded := n.join(namePart.folded)
	if exact == folded {
		return []string{exact}
	}
	return []string{exact, folded}
}

func (n TableName) join(text func(namePart) string) string {
	if n.schema.text == "" {
		return Quote(text(n.table))
	}
	return Quote(text(n.schema)) + "." + Quote(text(n.table))
}

func (p namePart) folded() string {
	if p.quoted {
		return p.text
	}
	return strings.ToLower(p.text)
}

// Unquote takes the double quotes off a column's name, which sql_insert
// asks for around mixed-case and reserved names and which are not needed here.
func Unquote(s string) string {
	if part, rest, err := cutNamePart(s); err == nil && part.quoted && rest == "" {
		return part.text
	}
	return s
}

// Quote writes name as an SQL identifier.
func Quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// QuoteList writes names as a list of SQL identifiers.
func QuoteList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// Literal writes s as an SQL string constant, whatever the setting of
// standard_conforming_strings.
func Literal(s string) string {
	s = strings.ReplaceAll(s, `'`, `''`)
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(s, `\`, `\\`) + `'`
	}
	return `'` + s + `'`
}

// Truncate cuts s to most bytes, at the end of a character.
func Truncate(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
