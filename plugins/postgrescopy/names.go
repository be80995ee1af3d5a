package postgrescopy

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tableName is a table's name as a person writes it: one or two parts, each of
// which may stand in double quotes as in SQL.
type tableName struct {
	schema namePart // empty when the search path decides
	table  namePart
}

type namePart struct {
	text   string
	quoted bool
}

// parseTableName reads `events`, `shop.events`, `"Odd.Name"` and `shop."Events"`.
func parseTableName(s string) (tableName, error) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return tableName{}, fmt.Errorf("table name %q: it is not text that PostgreSQL can store", cutAt(s, maxShown))
	}
	if len(s) > maxShown {
		return tableName{}, fmt.Errorf("table name %q: it is too long", cutAt(s, maxName))
	}
	var parts []namePart
	rest := strings.TrimSpace(s)
	for {
		part, after, err := cutNamePart(rest)
		if err != nil {
			return tableName{}, fmt.Errorf("table name %q: %w", s, err)
		}
		parts = append(parts, part)
		if after == "" {
			break
		}
		rest = after[1:] // the dot
	}
	switch len(parts) {
	case 1:
		return tableName{table: parts[0]}, nil
	case 2:
		return tableName{schema: parts[0], table: parts[1]}, nil
	}
	return tableName{}, fmt.Errorf("table name %q: it has %d parts: write table or schema.table, and put a name that holds a dot in double quotes", s, len(parts))
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

// spellings are the quoted forms in which to look for the table, in this order:
// as written, and folded to lower case as SQL folds what is not in quotes.
func (n tableName) spellings() []string {
	exact := n.join(func(p namePart) string { return p.text })
	folded := n.join(namePart.folded)
	if exact == folded {
		return []string{exact}
	}
	return []string{exact, folded}
}

func (n tableName) join(text func(namePart) string) string {
	if n.schema.text == "" {
		return quoteName(text(n.table))
	}
	return quoteName(text(n.schema)) + "." + quoteName(text(n.table))
}

func (p namePart) folded() string {
	if p.quoted {
		return p.text
	}
	return strings.ToLower(p.text)
}

// unquoteColumn takes the double quotes off a column's name, which sql_insert
// asks for around mixed-case and reserved names and which are not needed here.
func unquoteColumn(s string) string {
	if part, rest, err := cutNamePart(s); err == nil && part.quoted && rest == "" {
		return part.text
	}
	return s
}

// quoteName writes name as an SQL identifier.
func quoteName(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// quoteNames writes names as a list of SQL identifiers.
func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quoteName(name)
	}
	return strings.Join(quoted, ", ")
}

// quoteLiteral writes s as an SQL string constant, whatever the setting of
// standard_conforming_strings.
func quoteLiteral(s string) string {
	s = strings.ReplaceAll(s, `'`, `''`)
	if strings.Contains(s, `\`) {
		return ` E'` + strings.ReplaceAll(s, `\`, `\\`) + `'`
	}
	return `'` + s + `'`
}
