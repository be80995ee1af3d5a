package csvwatch

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/finish"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/watch"
)

// openStore opens where positions are kept. The lease is for a cache.
func (c *config) openStore(ctx context.Context, res *service.Resources, lease *positions.Lease) (positions.Store, error) {
	if c.cache == "" {
		return positions.OpenDir(c.dir)
	}
	if err := lease.Take(ctx); err != nil {
		return nil, err
	}
	return positions.OpenShards(&cacheKV{res: res, name: c.cache}, c.cacheKey, lease), nil
}

// options are those of the watcher beneath.
func (c *config) options(store positions.Store, log watch.Log) watch.Options {
	o := watch.Options{
		Patterns:     c.patterns,
		Rows:         c.rows,
		Store:        store,
		Log:          log,
		PollInterval: c.pollInterval,
		Notify:       c.notify,
		MinimumAge:   c.minimumAge,
		Quiet:        c.quietPeriod,
		SaveEvery:    c.saveEvery,
		ByName:       c.byName,
		StopAtBadRow: !c.continueOnError,

		ResumeReplaced: c.resumeReplaced,
		ExitAfterRead:  c.exitAfterRead,

		BatchRows: c.batchCount,
		MaxRows:   c.limit,
		MaxBytes:  int64(c.limitBytes),
		MaxOpen:   c.maxOpenFiles,
	}
	switch {
	case c.deleteOnFinish:
		o.Finish = finish.Delete
	case c.moveOnFinish != "":
		o.Finish = finish.NewMover(c.moveOnFinish).Move
	}
	return o
}
