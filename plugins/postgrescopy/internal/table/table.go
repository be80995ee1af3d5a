// Package table reads what the catalogue says of a table, and writes the
// statements that store rows in it.
package table

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
)

// WriteMode is what happens to a row whose key the table already has.
type WriteMode string

// The write modes: every row is inserted; one whose key is there is skipped, or
// replaces what is there.
const (
	Append WriteMode = "append"
	Ignore WriteMode = "ignore"
	Upsert WriteMode = "upsert"
)

// Options are what the configuration says of every table.
type Options struct {
	Mode          WriteMode
	Columns       []string // nil: all that the table has
	Keys          []string // nil: the table's primary key
	IgnoreUnknown bool
	// CollectUnknown is the jsonb column that takes fields without a column of their own, as an object; empty: none.
	CollectUnknown string
	// IgnoreConflicts leaves rows out, in Append, that violate a unique constraint.
	IgnoreConflicts bool
	SequenceBy      string // of upserts: the column that tells newer from older; empty: the order of arrival does
}

// Table is a table as the catalogue describes it, prepared for rows. It never
// changes; a table that was altered gets a new one.
type Table struct {
	Options

	OID         uint32
	Relation    string // its name alone, as the server writes it in errors
	Quoted      string // "schema"."table"
	Columns     []Column
	KeyNames    []string
	keyIndex    uint32 // the unique index of the key, 0: there is none
	Keys        []int  // the places of the key in columns; empty: rows cannot have it
	leftAlone   map[string]bool
	fingerprint string

	// ExactKey: two keys are equal if, and only if, their encoded bytes are.
	ExactKey bool
	// KeyMayChange: a trigger may change the key of a row before it is inserted.
	KeyMayChange bool
	// insertOnly: COPY does not reach it (a view, a rule, or row-level security).
	insertOnly bool
	overriding bool // writes a column that is GENERATED ALWAYS AS IDENTITY
	Collect    int  // the place of CollectUnknown in Columns, the last, or -1
	Sequence   int  // the place of SequenceBy in Columns, or -1
	CanStage   bool // the role can make a temporary table of the columns
	HasPLpgSQL bool
	role       string
	triggered  bool // event triggers may forbid to make tables

	defaults           []sequenceDefault
	dependent          map[string]bool // constraints by which a row depends on others of its batch
	constraintTriggers bool

	Strategy          StrategyChooser
	TakeTurns         atomic.Int32 // how many batches yet take turns, since some have met in a deadlock
	UsualBytes        atomic.Int64 // of the rows of a batch, to make room for at once
	ExistingStatement string       // empty: the table cannot be asked for keys

	mu         sync.Mutex
	columnSets map[string]*ColumnSet
	collected  map[string]bool // the fields that were, to report each once
	collectAt  time.Time       // when it was last looked for columns of these
}

// Column is a column that rows may have.
type Column struct {
	Field      string // where its value is in a message
	Name       string
	Value      *pgvalue.Column
	stageType  string // its type in a staging table: no domain, no length
	castType   string // what the staged value is cast to; empty: it fits as it is
	domain     bool
	ElementOID uint32 // its type without domain, and arrays of that; 0: there are none
	ArrayOID   uint32 // 0 too when keys of it cannot be asked for
	Key        int    // its place in the key, or -1
	keyCast    string // the type by which keys are compared, if a length or precision makes some equal
	collate    string // the COLLATE clause by which keys are compared, if it is not the type's own
	KeySigned  bool   // a big-endian integer of two's complement
	KeyFixed   bool   // always as long
}

// load reads what the catalogue says of the table that a person calls
// name. It wants q to be in a transaction. What a person must put right comes
// back as a *pgerr.OperatorError.
func load(ctx context.Context, q pgx.Tx, name string, opts Options) (*Table, error) {
	parsed, err := sqltext.ParseTableName(name)
	if err != nil {
		return nil, &pgerr.OperatorError{Message: err.Error()}
	}
	t := &Table{Options: opts, Sequence: -1, Collect: -1, columnSets: map[string]*ColumnSet{}, collected: map[string]bool{}}
	if err := t.readRelation(ctx, q, name, parsed); err != nil {
		return nil, err
	}
	columns, err := readColumns(ctx, q, t.OID)
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", t.Quoted, err)
	}
	if err := t.chooseColumns(columns); err != nil {
		return nil, err
	}
	if err := t.chooseCollect(columns); err != nil {
		return nil, err
	}
	if err := t.loadTypes(ctx, q, columns); err != nil {
		return nil, fmt.Errorf("reading the types of %s: %w", t.Quoted, err)
	}
	if err := t.chooseKey(ctx, q, columns); err != nil {
		return nil, err
	}
	if err := t.chooseSequence(); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, pgx.Tx) error{t.checkColumnPrivileges, t.readDefaults, t.readConstraints, t.tryStaging} {
		if err := step(ctx, q); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// chooseColumns decides which columns rows may have, and in which order.
func (t *Table) chooseColumns(all []catalogueColumn) error {
	t.leftAlone = map[string]bool{}
	if t.Options.Columns == nil {
		for _, c := range all {
			if c.generated != "" || c.identity == "a" {
				t.leftAlone[c.name] = true
				continue
			}
			t.Columns = append(t.Columns, Column{Field: c.name, Name: c.name, Key: -1})
		}
		return nil
	}
	for _, field := range t.Options.Columns {
		field = sqltext.Unquote(field)
		c, found := findColumn(all, field)
		switch {
		case !found:
			return pgerr.Operatorf("table %s has no column %q, which `columns` lists; it has %s", t.Quoted, field, columnNames(all))
		case c.generated != "":
			return pgerr.Operatorf("column %q of %s is computed by PostgreSQL and cannot be written: remove it from `columns`", c.name, t.Quoted)
		case c.identity == "a":
			t.overriding = true
		}
		t.Columns = append(t.Columns, Column{Field: field, Name: c.name, Key: -1})
	}
	return nil
}

// findColumn finds a column by its exact name, or else by the name folded to
// lower case, as SQL does.
func findColumn(all []catalogueColumn, name string) (catalogueColumn, bool) {
	for _, wanted := range []string{name, strings.ToLower(name)} {
		i := slices.IndexFunc(all, func(c catalogueColumn) bool { return c.name == wanted })
		if i >= 0 {
			return all[i], true
		}
	}
	return catalogueColumn{}, false
}

func columnNames(all []catalogueColumn) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	return sqltext.QuoteList(names)
}

// loadTypes sets the encoder of every column.
func (t *Table) loadTypes(ctx context.Context, q pgx.Tx, all []catalogueColumn) error {
	var oids []uint32
	for _, c := range all {
		if !slices.Contains(oids, c.oid) {
			oids = append(oids, c.oid)
		}
	}
	types, err := pgvalue.Load(ctx, q, oids)
	if err != nil {
		return err
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		from, _ := findColumn(all, c.Name)
		if c.Value, err = types.Column(c.Name, from.oid, from.typmod); err != nil {
			return err
		}
		c.stageType, c.ElementOID, c.ArrayOID = from.baseType, from.baseOID, from.arrayOID
		if from.composite {
			c.ArrayOID = 0 // unnest would make several columns of it
		}
		c.domain = from.oid != from.baseOID
		if c.Value.Text {
			c.stageType, c.castType = "text", c.Value.Cast
		}
	}
	return nil
}
