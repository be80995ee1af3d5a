// Package all registers every component of the bundle. Import it for its side
// effects in a Benthos build:
//
//	import _ "github.com/ecommerce-ingest/connect/plugins/all"
package all

import (
	_ "github.com/ecommerce-ingest/connect/plugins/csvfiles"
	_ "github.com/ecommerce-ingest/connect/plugins/csvwatch"
	_ "github.com/ecommerce-ingest/connect/plugins/ecommerceevents"
	_ "github.com/ecommerce-ingest/connect/plugins/kafkarelay"
	_ "github.com/ecommerce-ingest/connect/plugins/postgrescopy"
	_ "github.com/ecommerce-ingest/connect/plugins/tsparseauto"
)
