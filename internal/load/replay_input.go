package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/rejected"
)

// rejectedRecords is a batch input of the records that were selected in a table. One goroutine reads; acknowledgements
// come from any.
type rejectedRecords struct {
	table    *rejected.Table
	messages *csvwatch.Records
	timeout  time.Duration  // bounds how long it takes to mark records
	rows     []rejected.Row // fetched, and not yet returned

	mu         sync.Mutex
	unsendable Unsendable
	err        error // the first problem, which ends the reading
}

// Connect does nothing: the table is open.
func (r *rejectedRecords) Connect(context.Context) error { return nil }

// ReadBatch returns the next records, all of one file. The acknowledgement marks them as sent.
func (r *rejectedRecords) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for r.failure() == nil {
		rows, batch, err := r.next(ctx)
		if err != nil {
			r.fail(fmt.Errorf("reading the rejected records: %w", err))
			break
		}
		if len(rows) == 0 {
			break
		}
		if len(batch) > 0 {
			ids := idsOf(batch)
			return batch, func(_ context.Context, err error) error {
				if err == nil {
					r.mark(ids)
				}
				return nil
			}, nil
		}
	}
	return nil, nil, service.ErrEndOfInput
}

// next returns the next rows of one file, and the messages of those that can be sent.
func (r *rejectedRecords) next(ctx context.Context) (rows []rejected.Row, batch service.MessageBatch, err error) {
	if len(r.rows) == 0 {
		if r.rows, err = r.table.Next(ctx); err != nil || len(r.rows) == 0 {
			return nil, nil, err
		}
	}
	n := 1
	for n < len(r.rows) && r.rows[n].Path == r.rows[0].Path {
		n++
	}
	rows, r.rows = r.rows[:n], r.rows[n:]
	for i := range rows {
		row := &rows[i]
		message, err := r.messages.Message(&csvwatch.Rejected{
			ID: row.ID, Stage: row.Stage, Reason: row.Reason, Path: row.Path, Channel: row.Channel, Row: row.RowNumber, Header: row.Header, Raw: row.Raw,
		})
		if err != nil {
			r.leave(RejectedRecord{ID: row.ID, Path: row.Path, Row: row.RowNumber, Stage: row.Stage, Reason: err.Error()})
			continue
		}
		batch = append(batch, message)
	}
	return rows, batch, nil
}

// mark marks records as sent. What cannot be marked is sent again by the next replay.
func (r *rejectedRecords) mark(ids []string) {
	if r.failure() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	if err := r.table.Mark(ctx, ids); err != nil {
		r.fail(fmt.Errorf("marking what was sent, which the next replay sends again: %w", err))
	}
}

// idsOf returns the rejections that messages are of.
func idsOf(batch service.MessageBatch) []string {
	ids := make([]string, len(batch))
	for i, message := range batch {
		ids[i], _ = message.MetaGet("replay_of")
	}
	return ids
}

// leave notes a record that cannot be sent.
func (r *rejectedRecords) leave(record RejectedRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsendable.add(record)
}

// left returns the records that could not be sent.
func (r *rejectedRecords) left() Unsendable {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unsendable
}

func (r *rejectedRecords) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// failure returns the first problem.
func (r *rejectedRecords) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Close does nothing: the table is closed once all is acknowledged.
func (r *rejectedRecords) Close(context.Context) error { return nil }
