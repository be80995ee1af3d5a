package conn

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/pgerr"
)

func TestAnHourOfOneFailureIsAFewLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err                        func(n int) error
		minTries, maxTries, logged int // in an hour
	}{
		"a missing table":            {func(int) error { return pgerr.Operatorf("there is no table t") }, 200, 300, 7},
		"a setting that is no value": {func(int) error { return &pgconn.PgError{Code: "22023"} }, 200, 300, 7},
		"a server that is away":      {func(n int) error { return fmt.Errorf("dialling from port %d: refused", 1000+n) }, 3000, 4000, 7},
		"a server that starts":       {func(int) error { return &pgconn.PgError{Code: "57P03"} }, 3000, 4000, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // an hour goes by at once
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				var p Reconnector
				tries, logged := 0, 0
				for ctx.Err() == nil { // as the engine does, which logs each error
					err := p.Connect(ctx, func(context.Context) error {
						tries++
						return c.err(tries)
					})
					var failed *ConnectError
					if errors.As(err, &failed) {
						logged++
						_ = Sleep(ctx, failed.RetryAfter)
					}
				}
				assert.LessOrEqual(t, logged, c.logged)
				assert.GreaterOrEqual(t, logged, c.logged-2)
				assert.LessOrEqual(t, tries, c.maxTries)
				assert.GreaterOrEqual(t, tries, c.minTries)
			})
		})
	}
}
