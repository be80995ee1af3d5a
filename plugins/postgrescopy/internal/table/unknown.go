package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// chooseCollect makes the column for unknown fields the last one, so that all others are known when its turn comes.
func (t *Table) chooseCollect(all []catalogueColumn) error {
	if t.CollectUnknown == "" {
		return nil
	}
	c, found := findColumn(all, t.CollectUnknown)
	switch {
	case !found:
		return pgerr.Operatorf("table %s has no column %q for unknown fields: add it (ALTER TABLE %s ADD COLUMN %s jsonb), or correct `unknown_fields_column`",
			t.Quoted, t.CollectUnknown, t.Quoted, sqltext.Quote(t.CollectUnknown))
	case c.baseType != "jsonb" && c.baseType != "json":
		return pgerr.Operatorf("column %q of %s is to take unknown fields, and must be jsonb: it is %s", c.name, t.Quoted, c.baseType)
	}
	t.Columns = slices.DeleteFunc(t.Columns, func(other Column) bool { return other.Name == c.name })
	t.Collect = len(t.Columns)
	t.Columns = append(t.Columns, Column{Name: c.name, Key: -1})
	return nil
}

// Unknown returns the fields that no column takes, and that are not left to PostgreSQL; nil when there are none.
func (t *Table) Unknown(fields map[string]any) map[string]any {
	var unknown map[string]any
	for name, value := range fields {
		if t.leftAlone[name] || slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Field == name && c.Field != "" }) {
			continue
		}
		if unknown == nil {
			unknown = map[string]any{}
		}
		unknown[name] = value
	}
	return unknown
}

// maxCollected bounds how many collected fields are known by name.
const maxCollected = 1000

// collectEvery is how often a table is looked at again while fields without a column are collected.
const collectEvery = 10 * time.Second

// CollectDue reports whether the table should be looked at again, since it may have columns by now for fields that were
// collected.
func (t *Table) CollectDue(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.collectAt) < collectEvery {
		return false
	}
	t.collectAt = now
	return true
}

// NewlyCollected returns which fields are collected for the first time, to be logged.
func (t *Table) NewlyCollected(fields map[string]any) (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range fields {
		if !t.collected[name] && len(t.collected) < maxCollected {
			t.collected[name] = true
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// How many unknown fields are named, and how much of a name is shown.
const maxUnknown, maxName = 5, 63

// UnknownField returns a pgerr.Rejection that names the fields that no column
// takes, nil if all are taken or left to PostgreSQL.
func (t *Table) UnknownField(fields map[string]any) error {
	unknown := slices.Sorted(maps.Keys(t.Unknown(fields)))
	if len(unknown) == 0 {
		return nil
	}
	unknown = unknown[:min(len(unknown), maxUnknown)]
	return pgerr.Rejection{Kind: "unknown_field", Message: fmt.Sprintf("table %s has no column for the field %s: remove it in a mapping, add the column, or set `unknown_fields: ignore`",
		t.Quoted, strings.Join(quoteAll(unknown), ", "))}
}

func quoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", sqltext.Truncate(name, maxName))
	}
	return quoted
}
