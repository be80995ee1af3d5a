// Command connect is a build of Benthos, the engine of Redpanda Connect, that
// ingests e-commerce event files into PostgreSQL.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	_ "github.com/ecommerce-ingest/connect/plugins/all"
)

func main() {
	service.RunCLI(context.Background())
}
