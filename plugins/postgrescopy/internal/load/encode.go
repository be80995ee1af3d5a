package load

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgvalue"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// encode encodes the rows that are not encoded.
func (w *Writer) encode(ctx context.Context, b *Batch) error {
	began := time.Now()
	defer func() { b.Encoding += time.Since(began) }()
	for _, t := range b.Tables {
		if t.rows != nil {
			continue
		}
		found, err := w.tables.Get(ctx, t.Name)
		if reason, ok := w.unusable(err); ok {
			b.eachMessage(t, func(message int) { b.Rejected[message] = pgerr.Rejection{Kind: "table", Message: reason} })
			continue
		}
		if err != nil {
			return err
		}
		if err := w.encodeTable(ctx, b, t, found); err != nil {
			return err
		}
	}
	return nil
}

// unusable reports why the table that messages name for themselves cannot be
// written to: it is not there, is no table, or lacks a privilege or the key.
// Were that waited for, as it is for the table of the configuration, one message
// could stop all others.
func (w *Writer) unusable(err error) (reason string, ok bool) {
	var operator *pgerr.OperatorError
	if w.Table != "" || !errors.As(err, &operator) {
		return "", false
	}
	return pgerr.Describe(err), true
}

// encodeTable encodes the rows for one table. What does not fit the table is
// rejected only if the table is still as it is known.
func (w *Writer) encodeTable(ctx context.Context, b *Batch, t *TableRows, known *table.Table) error {
	doubt, err := w.encodeAs(ctx, b, t, known)
	if err != nil {
		return err
	}
	if len(t.rows.Collected) > 0 {
		w.Warn("Table %s has no column for the field %s: they are kept in %s until it has", known.Quoted, sqltext.QuoteList(t.rows.Collected), sqltext.Quote(known.CollectUnknown))
	}
	if t.rows.Collects && known.CollectDue(time.Now()) {
		doubt = max(doubt, tableInDoubt) // it may have a column by now
	}
	if doubt == none {
		return nil
	}
	newer, changed, err := w.tables.Refresh(ctx, t.Name, known)
	if err == nil && !changed && doubt == typesInDoubt {
		newer, err = w.tables.Load(ctx, t.Name)
		changed = true
	}
	if err == nil && !changed {
		return nil
	}
	t.forget(b)
	if err != nil {
		return err
	}
	_, err = w.encodeAs(ctx, b, t, newer)
	return err
}

// encodeAs encodes the rows for the table as it is known, with the help of the
// server where that is needed.
func (w *Writer) encodeAs(ctx context.Context, b *Batch, t *TableRows, known *table.Table) (doubt, error) {
	found := t.encode(b, known)
	if len(t.rows.Unread) == 0 {
		return found, nil
	}
	refused, err := w.readTexts(ctx, b, t)
	if err != nil {
		t.forget(b)
		return none, err
	}
	if refused {
		found = max(found, tableInDoubt)
	}
	return found, nil
}

// forget drops everything that was found out about the rows.
func (t *TableRows) forget(b *Batch) {
	t.rows.Release()
	t.rows, t.strategy, t.filtered = nil, table.Undecided, 0
	b.eachMessage(t, func(message int) {
		delete(b.Rejected, message)
		b.Values[message].Read = nil
	})
	b.byServer = slices.DeleteFunc(b.byServer, func(message int) bool {
		_, rejected := b.Rejected[message]
		return !rejected
	})
}

// doubt is how much of what was rejected depends on the catalogue.
type doubt int

const (
	none         doubt = iota // nothing was rejected
	tableInDoubt              // the table's columns
	typesInDoubt              // the labels of an enum, say
)

func (t *TableRows) encode(b *Batch, known *table.Table) doubt {
	t.table, t.rows = known, copyrows.New(known)
	worst, message := none, 0
	add := func(values copyrows.Values) { worst = max(worst, t.add(b, message, values)) }
	b.eachMessage(t, func(i int) {
		message = i
		b.withValues(i, add)
	})
	return worst
}

// add encodes the row of a message, and reports how much of a rejection depends on the catalogue.
func (t *TableRows) add(b *Batch, message int, values copyrows.Values) doubt {
	if values.Filtered {
		t.filtered++
		return none
	}
	err := t.rows.Add(message, values)
	if err == nil || errors.Is(err, copyrows.ErrUnread) {
		return none
	}
	if _, before := b.Rejected[message]; before {
		return none
	}
	b.Rejected[message] = pgerr.RejectionOf(err)
	if values.Err != nil {
		return none
	}
	return doubtOf(err)
}

func doubtOf(err error) doubt {
	var value *pgvalue.ValueError
	if errors.As(err, &value) && value.Catalogue {
		return typesInDoubt
	}
	return tableInDoubt
}

func (b *Batch) eachMessage(t *TableRows, do func(message int)) {
	if t.Messages == nil {
		for i := range b.Values {
			do(i)
		}
		return
	}
	for _, i := range t.Messages {
		do(i)
	}
}

// reloadChanged reads the tables again that are no longer as they are known, and
// has their rows encoded anew. With suspicious, that is done once for every
// table, since not all that rows are encoded by shows in a table's fingerprint:
// the attributes of a composite type do not.
func (w *Writer) reloadChanged(ctx context.Context, b *Batch, suspicious bool) (found bool, err error) {
	suspicious = suspicious && !b.reloaded
	b.reloaded = b.reloaded || suspicious
	for _, t := range b.Tables {
		if t.rows == nil {
			continue
		}
		_, changed, err := w.tables.Refresh(ctx, t.Name, t.table)
		if err == nil && !changed && suspicious {
			_, err = w.tables.Load(ctx, t.Name)
			changed = true
		}
		if err != nil {
			return false, err
		}
		if changed {
			found = true
			t.forget(b)
		}
	}
	return found, nil
}
