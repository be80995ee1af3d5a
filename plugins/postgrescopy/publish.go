package postgrescopy

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/internal/status"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/load"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

// publish makes a committed batch visible to whoever shows how the pipeline
// stands.
func (o *copyOutput) publish(messages service.MessageBatch, b *load.Batch, began time.Time) {
	stored := b.Result.Written
	if _, fallback := messages[0].MetaGetMut("fallback_error"); fallback {
		stored = 0 // these are rejections of the output before this one
	}
	commit := status.Commit{
		Stored: stored, SkippedKey: b.Result.Duplicates, SkippedLedger: b.Result.Skipped,
		Filtered: b.Result.Filtered, Rejected: len(b.Rejected),
		// While one batch is mapped, others may be at the database.
		Mapping: b.Encoding / time.Duration(o.conf.maxInFlight),
	}
	o.status.Committed(commit)
	o.metrics.up.Set(1)
	if o.board.FollowsFiles() {
		path, _ := messages[0].MetaGetMut("path") // they are all of one file then
		name, _ := path.(string)
		o.board.FileCommitted(name, began, commit)
	}
	if len(b.Rejected) == 0 {
		return
	}
	rows := make([]status.Rejection, 0, len(b.Rejected))
	for i, r := range b.Rejected {
		row := status.Rejection{Stage: stageOf(r), Class: r.Kind, Reason: r.Error()}
		path, _ := messages[i].MetaGetMut("path")
		number, _ := messages[i].MetaGetMut("csv_row")
		row.Path, _ = path.(string)
		row.Row, _ = number.(int64)
		rows = append(rows, row)
	}
	o.board.Rejected(rows...)
}

// publishProblem makes visible why the database cannot be used.
func (o *copyOutput) publishProblem(ctx context.Context, err error) {
	class := pgerr.Classify(ctx, err)
	if class != pgerr.Cancelled {
		o.metrics.up.Set(0)
	}
	switch class {
	case pgerr.Cancelled:
	case pgerr.Lost, pgerr.Temporary:
		o.status.Away(pgerr.Describe(err))
	default:
		o.status.Refused(pgerr.Describe(err))
	}
}
