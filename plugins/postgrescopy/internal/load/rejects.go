package load

import (
	"context"
	"fmt"
	"slices"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/copyrows"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/table"
)

// rejectsError is a failure to store rejected rows. It wraps why.
type rejectsError struct {
	table string
	err   error
}

func (e *rejectsError) Error() string {
	return fmt.Sprintf("storing rejected rows in table %s: %s", e.table, pgerr.Describe(e.err))
}

// Unwrap makes it an operator's error unless it may pass by itself: no reason for a
// rejection to fail is the rejected row's.
func (e *rejectsError) Unwrap() error {
	if pgerr.Classify(context.Background(), e.err).Retry() {
		return e.err
	}
	return &pgerr.OperatorError{Message: e.Error()}
}

// ReadRejectsTable reads the table for rejected rows, if there is to be one.
func (w *Writer) ReadRejectsTable(ctx context.Context) error {
	if w.rejects == nil {
		return nil
	}
	if _, err := w.rejects.Load(ctx, w.RejectsTable); err != nil {
		return fmt.Errorf("`rejects`: %w", err)
	}
	return nil
}

// getRejectsTable has the table for rejected rows at hand.
func (w *Writer) getRejectsTable(ctx context.Context, b *Batch) (err error) {
	if w.rejects == nil {
		return nil
	}
	if b.rejectsTable, err = w.rejects.Get(ctx, w.RejectsTable); err != nil {
		return &rejectsError{w.RejectsTable, err}
	}
	return nil
}

// storeRejects inserts the rows of the rejected messages, in the transaction that is
// open. One that is there already, by any key of the table, is left out.
func (b *Batch) storeRejects(ctx context.Context, s *conn.Session) error {
	if b.rejectsTable == nil || len(b.Rejected) == 0 {
		return nil
	}
	rows := copyrows.New(b.rejectsTable)
	defer rows.Release()
	messages := make([]int, 0, len(b.Rejected))
	for message := range b.Rejected {
		messages = append(messages, message)
	}
	slices.Sort(messages)
	for _, message := range messages {
		if err := rows.Add(message, b.RejectRow(message, b.Rejected[message])); err != nil {
			return &rejectsError{b.rejectsTable.Quoted, &pgerr.OperatorError{Message: pgerr.RejectionOf(err).Error()}}
		}
	}
	groups, _ := rows.Groups(nil, true)
	for _, g := range groups {
		if g.Set.Fields == 0 {
			return &rejectsError{b.rejectsTable.Quoted, pgerr.Operatorf("the table has none of the columns of a rejected row: add some of them, such as `raw` and `reason`, or set `rejects.mapping`")}
		}
		if _, err := insertValues(ctx, s, group{Group: g}, g.Order); err != nil {
			return &rejectsError{b.rejectsTable.Quoted, err}
		}
	}
	return nil
}

// rejectsOptions are those of the table for rejected rows.
var rejectsOptions = table.Options{Mode: table.Append, IgnoreUnknown: true, IgnoreConflicts: true}
