// Command upstream is what the benchmark compares with: a Benthos build with
// upstream's own csv input and sql_insert output, and with this project's
// postgres_copy, so that one part at a time can be exchanged. It is a module of
// its own so that upstream's SQL drivers stay out of the product.
package main

import (
	"context"

	_ "github.com/lib/pq"
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	_ "github.com/redpanda-data/connect/v4/public/components/sql/base"
)

func main() {
	service.RunCLI(context.Background())
}
