package csvwatch

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

// cacheKV stores positions in a cache resource.
type cacheKV struct {
	res  *service.Resources
	name string
}

// Get implements positions.KV.
func (c *cacheKV) Get(ctx context.Context, key string) (value []byte, err error) {
	accessErr := c.res.AccessCache(ctx, c.name, func(cache service.Cache) {
		value, err = cache.Get(ctx, key)
	})
	if errors.Is(err, service.ErrKeyNotFound) {
		return nil, positions.ErrNoValue
	}
	return value, errors.Join(accessErr, err)
}

// Set implements positions.KV.
func (c *cacheKV) Set(ctx context.Context, key string, value []byte) (err error) {
	accessErr := c.res.AccessCache(ctx, c.name, func(cache service.Cache) {
		err = cache.Set(ctx, key, value, nil)
	})
	return errors.Join(accessErr, err)
}
