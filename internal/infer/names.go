package infer

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

// maxName is the longest identifier of PostgreSQL in bytes.
const maxName = 63

var (
	keyName   = regexp.MustCompile(`(^|_)(id|uuid|guid|key|no|nr|number|code)$`)
	plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	dateParts = regexp.MustCompile(`(^|_)(\d+|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(_|$)`)
)

// reserved are the words that PostgreSQL takes for a name only in quotes.
var reserved = wordSet(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check
	collate collation column concurrently constraint create cross current_catalog current_date current_role
	current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except
	false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join
	lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer
	overlaps placing primary references returning right select session_user similar some symmetric system_user table
	tablesample then to trailing true union unique user using variadic verbose when where window with`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// snake writes a name as people write it in SQL: InvoiceNo and Invoice No become
// invoice_no.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(strings.TrimSpace(name))
	for i, r := range runes {
		switch {
		case unicode.IsUpper(r):
			before := i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]))
			within := i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1])
			if before || within {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	out := strings.Trim(regexp.MustCompile(`_+`).ReplaceAllString(b.String(), "_"), "_")
	if out == "" {
		return ""
	}
	if unicode.IsDigit([]rune(out)[0]) {
		out = "_" + out
	}
	return cutName(out, "")
}

// cutName keeps a name with a suffix within the bounds of PostgreSQL.
func cutName(name, suffix string) string {
	for len(name)+len(suffix) > maxName {
		runes := []rune(name)
		name = string(runes[:len(runes)-1])
	}
	return name + suffix
}

// tableName makes a name from that of a file, without the numbers in it.
func tableName(path string) string {
	stem, _, _ := strings.Cut(strings.TrimLeft(filepath.Base(path), "."), ".")
	name := snake(stem)
	for dateParts.MatchString(name) {
		name = strings.Trim(dateParts.ReplaceAllString(name, "_"), "_")
	}
	if name == "" {
		return "imported"
	}
	return cutName(name, "")
}

// nameColumns sets the name of each column in the table. A usual SQL name stays, so
// that it needs no line in the mapping. No other column gets the name of a column of
// the file, which the mapping would overwrite.
func (t *Table) nameColumns() {
	taken := map[string]bool{}
	for _, c := range t.columns {
		if !t.layout.header {
			break
		}
		if snake(c.source) == c.source || plainName.MatchString(c.source) && len(c.source) <= maxName {
			c.name = c.source
		}
		taken[c.source] = true
	}
	for i, c := range t.columns {
		if c.name != "" {
			continue
		}
		base := snake(c.source)
		if base == "" {
			base = columnN(i)
		}
		c.name = base
		for n := 2; taken[c.name]; n++ {
			c.name = cutName(base, fmt.Sprintf("_%d", n))
		}
		taken[c.name] = true
	}
}

// quoteName writes a name as SQL has it.
func quoteName(name string) string {
	if plainName.MatchString(name) && !reserved[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
