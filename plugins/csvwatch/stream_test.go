package csvwatch_test

import (
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service/integration"

	_ "github.com/ecommerce-ingest/connect/plugins/csvfiles"
	_ "github.com/ecommerce-ingest/connect/plugins/csvwatch"
)

// Messages with any content pass through files of one column.
const throughFiles = `
output:
  csv_files:
    path: $VAR1/$ID/${!uuid_v4()}.csv
    columns: [ content ]
    max_in_flight: $MAX_IN_FLIGHT
    batching: { count: $OUTPUT_BATCH_COUNT }
  processors:
    - mapping: 'root = {"content": content().string()}'

input:
  csv_watch:
    paths: [ $VAR1/$ID/*.csv ]
    checkpoint_dir: $VAR1/$ID-state
    poll_interval: 50ms
    batch_count: $INPUT_BATCH_COUNT
  processors:
    - mapping: root = this.content
`

func TestUpstreamStreamSuitesThroughFiles(t *testing.T) {
	t.Parallel()
	suite := integration.StreamTests(
		integration.StreamTestOpenClose(),
		integration.StreamTestSendBatch(10),
		integration.StreamTestSendBatches(10, 20, 4),
		integration.StreamTestSendBatchCount(10),
		integration.StreamTestStreamSequential(50),
		integration.StreamTestStreamIsolated(50),
		integration.StreamTestStreamParallel(50),
	)
	suite.Run(t, throughFiles,
		integration.StreamTestOptVarSet("VAR1", t.TempDir()),
		integration.StreamTestOptMaxInFlight(4),
		integration.StreamTestOptVarSet("OUTPUT_BATCH_COUNT", "0"),
		integration.StreamTestOptVarSet("INPUT_BATCH_COUNT", "1000"),
	)
}

// These suites reject some messages, or do not acknowledge them, and expect each message in a batch of its own.
func TestUpstreamRejectionSuitesThroughFiles(t *testing.T) {
	t.Parallel()
	suite := integration.StreamTests(
		integration.StreamTestStreamSaturatedUnacked(50),
		integration.StreamTestStreamParallelLossy(50),
		integration.StreamTestStreamParallelLossyThroughReconnect(50),
	)
	suite.Run(t, throughFiles,
		integration.StreamTestOptVarSet("VAR1", t.TempDir()),
		integration.StreamTestOptMaxInFlight(4),
		integration.StreamTestOptVarSet("OUTPUT_BATCH_COUNT", "0"),
		integration.StreamTestOptVarSet("INPUT_BATCH_COUNT", "1"),
	)
}
