package postgrescopy

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/status"
)

// publish makes a committed batch visible to whoever shows how the pipeline
// stands.
func (o *copyOutput) publish(batch service.MessageBatch, j *job) {
	o.status.Committed(status.Commit{
		Stored: j.result.written, SkippedKey: j.result.duplicates, SkippedLedger: j.result.skipped,
		Rejected: len(j.rejected),
	})
	if len(j.rejected) == 0 {
		return
	}
	rows := make([]status.Rejection, 0, len(j.rejected))
	for i, r := range j.rejected {
		row := status.Rejection{Stage: "database", Class: r.class, Reason: r.Error()}
		path, _ := batch[i].MetaGetMut("path")
		number, _ := batch[i].MetaGetMut("csv_row")
		row.Path, _ = path.(string)
		row.Row, _ = number.(int64)
		rows = append(rows, row)
	}
	o.board.Rejected(rows...)
}

// publishProblem makes visible why the database cannot be used.
func (o *copyOutput) publishProblem(ctx context.Context, err error) {
	switch classify(ctx, err) {
	case verdictCancelled:
	case verdictLost, verdictTemporary:
		o.status.Away(describe(err))
	default:
		o.status.Refused(describe(err))
	}
}
