package tests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A consumer group that is given offsets again after a rebalance: what a Kafka
// input puts into the metadata, without the broker.
const fromKafka = `
http: { enabled: false }
input:
  generate:
    count: 300
    interval: ""
    batch_size: 50
    mapping: |
      let n = counter() - 1
      meta kafka_topic = "orders"
      meta kafka_partition = $n % 3
      meta kafka_offset = ($n / 3).floor()
      root = {"id": $n}
output:
  postgres_copy:
    dsn: ${POSTGRES_DSN}
    table: orders
    exactly_once:
      channel: ${! @kafka_topic }/${! @kafka_partition }
      offset_token: ${! @kafka_offset }
logger: { level: WARN }
`

func TestOffsetsThatKafkaHandsOutAgainAreStoredOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.db.exec("CREATE TABLE orders (id bigint)")
	path := filepath.Join(s.config, "kafka.yaml")
	require.NoError(t, os.WriteFile(path, []byte(fromKafka), 0o600))
	for range 3 {
		s.launch("consumer", []string{"run", path}, nil).awaitEnd()
	}
	s.db.require("300", "SELECT count(*) FROM orders")
	s.db.require("300", "SELECT count(DISTINCT id) FROM orders")
	s.db.require("orders/0 {[0,100)}, orders/1 {[0,100)}, orders/2 {[0,100)}",
		"SELECT string_agg(channel || ' ' || offsets::text, ', ' ORDER BY channel) FROM postgres_copy_ledger")
}
