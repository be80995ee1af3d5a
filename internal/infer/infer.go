// Package infer looks at CSV files and writes what is needed to load them: the
// table, the pipeline and the mapping. It reads files as csv_watch does, and
// chooses types that postgres_copy can store.
package infer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/sample"
)

const (
	fileBytes  = 4 << 20   // that are read of one file
	totalBytes = 256 << 20 // that are read of all files
	maxFiles   = 10_000
	maxColumns = 1600 // of a table of PostgreSQL
	maxBadRows = 3    // that are reported with their reasons
)

// Table is what was found in some files: one table, and how to load it.
type Table struct {
	Name  string
	Paths []string

	layout  layout
	columns []*column
	key     *column // nil: none is evident
	rows    int
	bad     int
	badRows []string // the first of them
	unread  int      // files that were not looked at
}

// Look reads the beginnings of files that have the same columns. At most 4 MiB of
// each file are read, and 256 MiB in all. An empty name is made from the first
// file's.
func Look(paths []string, name string) (*Table, error) {
	if len(paths) == 0 {
		return nil, errors.New("name at least one file")
	}
	if len(paths) > maxFiles {
		return nil, fmt.Errorf("there are %d files: name at most %d, since a few are enough", len(paths), maxFiles)
	}
	if name == "" {
		name = tableName(paths[0])
	}
	t := &Table{Name: name, Paths: paths}
	for i, path := range paths {
		if i > 0 && int64(i)*fileBytes >= totalBytes {
			t.unread = len(paths) - i
			break
		}
		if err := t.addFile(path); err != nil {
			return nil, err
		}
	}
	if t.rows == 0 && t.bad > 0 {
		return nil, fmt.Errorf("%s has no row that can be read: %s", paths[0], t.badRows[0])
	}
	if t.rows == 0 {
		return nil, fmt.Errorf("%s has no rows below the header: types cannot be inferred without values", paths[0])
	}
	t.choose()
	return t, nil
}

// addFile reads one file into the columns.
func (t *Table) addFile(path string) error {
	if info, err := os.Stat(path); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	l, err := detectLayout(path)
	if err != nil {
		return err
	}
	if t.columns == nil {
		if len(l.names) > maxColumns {
			return fmt.Errorf("%s has %d columns, and a table at most %d", path, len(l.names), maxColumns)
		}
		t.layout = l
		for i, source := range l.names {
			t.columns = append(t.columns, newColumn(source, i))
		}
		t.nameColumns()
	} else if err := t.layout.join(l, path, t.Paths[0]); err != nil {
		return err
	}
	place := map[string]int{}
	for i, c := range t.columns {
		place[c.source] = i
	}
	_, err = sample.Read(path, t.layout.options(), fileBytes, func(row sample.Row) bool {
		if row.Err != nil {
			t.addBad(path, row)
			return true
		}
		t.rows++
		for i, cell := range row.Fields {
			t.columns[place[l.names[i]]].read(cell)
		}
		return true
	})
	return err
}

func (t *Table) addBad(path string, row sample.Row) {
	if t.bad++; t.bad <= maxBadRows {
		t.badRows = append(t.badRows, fmt.Sprintf("%s, row %d: %v", path, row.Number, row.Err))
	}
}

// join takes up the layout of another file, which must be the same but for the
// order of the columns and for an encoding where the other file is ASCII.
func (l *layout) join(other layout, path, firstPath string) error {
	if other.encoding != l.encoding {
		switch {
		case l.encoding == "":
			l.encoding = other.encoding
		case other.encoding != "":
			return fmt.Errorf("%s is %s and %s is %s: name files of one encoding at a time", path, other.encoding, firstPath, l.encoding)
		}
	}
	same := other.delimiter == l.delimiter && other.skipRows == l.skipRows && other.header == l.header && len(other.names) == len(l.names)
	for _, name := range other.names {
		same = same && slices.Contains(l.names, name)
	}
	if !same {
		return fmt.Errorf("%s is not laid out like %s (columns, delimiter or lines above the header differ): name them in runs of their own", path, firstPath)
	}
	return nil
}

// choose decides for types and for a key.
func (t *Table) choose() {
	commas := false
	for _, c := range t.columns {
		k := c.kinds
		commas = commas || k.reads(k.comma) && k.comma.decimals && !k.reads(k.point) && !k.reads(k.numeric)
	}
	for _, c := range t.columns {
		c.choose(commas)
	}
	t.chooseKey()
}

// chooseKey takes a column whose values all differ and whose name says that it
// identifies a row: the first one, or one that is called id, or like the table.
func (t *Table) chooseKey() {
	own := strings.TrimSuffix(t.Name, "s") + "_id"
	for i, c := range t.columns {
		named := c.name == "id" || c.name == "uuid" || c.name == own || (i == 0 && keyName.MatchString(c.name))
		typed := c.choice.sql == "bigint" || c.choice.sql == "uuid" || c.choice.sql == "text"
		if named && typed && c.choice.required && c.choice.steps == nil && !c.twice && t.rows > 1 {
			t.key = c
			return
		}
	}
}
