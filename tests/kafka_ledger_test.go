//go:build unix

package tests

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
	"github.com/ecommerce-ingest/connect/tests/rig"
)

// sieve lets a tenth of the records fall through.
const sieve = `
pipeline:
  threads: 1
  processors:
    - mapping: root = if this.id % 10 == 3 { deleted() }
`

func TestTransactionsAndFiltersLeaveTheLedgerSmall(t *testing.T) {
	t.Parallel()
	const rounds, transactions = 10, 60
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 1)
	r.DB.CreateTables()
	r.DB.Exec("CREATE TABLE orders (id bigint)")
	r.consumer(sieve)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers), kgo.TransactionalID(r.topic), kgo.DefaultProduceTopic(r.topic))
	require.NoError(t, err)
	defer client.Close()
	id, stored := 0, 0
	for range rounds {
		for n := range transactions {
			require.NoError(t, client.BeginTransaction())
			for range 3 {
				require.NoError(t, client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf(`{"id":%d}`, id))).FirstErr())
				if n%2 == 0 && id%10 != 3 {
					stored++
				}
				id++
			}
			require.NoError(t, client.EndTransaction(t.Context(), kgo.TransactionEndTry(n%2 == 0)))
		}
		r.DB.Await(fmt.Sprint(stored), "SELECT count(*) FROM orders")
	}
	r.DB.Require(fmt.Sprint(stored), "SELECT count(DISTINCT id) FROM orders")
	r.DB.Require("1", "SELECT count(*) FROM postgres_copy_ledger")
	// Without a low watermark it is a range for each transaction, some 7 kB.
	r.DB.Require("true", "SELECT max(pg_column_size(offsets)) < 1500 FROM postgres_copy_ledger")
}

func TestCompactionLeavesTheLedgerSmall(t *testing.T) {
	t.Parallel()
	const records, keys = 4000, 1000
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 1, "cleanup.policy", "compact",
		"segment.ms", "100", "min.cleanable.dirty.ratio", "0.001", "segment.bytes", "1048576")
	r.DB.CreateTables()
	r.DB.Exec("CREATE TABLE orders (id bigint)")
	produce := func(from, to int) {
		client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers), kgo.DefaultProduceTopic(r.topic))
		require.NoError(t, err)
		defer client.Close()
		var batch []*kgo.Record
		for n := from; n < to; n++ {
			// Every other key comes again and again.
			batch = append(batch, kgo.KeyStringRecord(fmt.Sprint(n%2*n+(1-n%2)*(n%keys)), fmt.Sprintf(`{"id":%d}`, n)))
		}
		require.NoError(t, client.ProduceSync(t.Context(), batch...).FirstErr())
	}
	for n := 0; n < records; n += 500 {
		produce(n, n+500)
	}
	left := 0
	rig.Await(t, "the topic to be compacted", func() error {
		produce(0, 1) // so that the segment before it is closed
		left = r.count()
		if left > records*3/4 {
			return fmt.Errorf("it has %d records", left)
		}
		return nil
	})
	r.consumer("")
	r.DB.Await("true", "SELECT count(*) >= $1::bigint FROM orders", records/2)
	r.awaitDrained()
	produce(1, 2)
	r.awaitDrained()
	r.DB.Require("1", "SELECT count(*) FROM postgres_copy_ledger")
	r.DB.Require("true", "SELECT max(pg_column_size(offsets)) < 200 FROM postgres_copy_ledger")
}

// count reads the topic to its end and returns how many records it has.
func (r *relay) count() int {
	r.T.Helper()
	ends, err := r.admin.ListEndOffsets(r.T.Context(), r.topic)
	require.NoError(r.T, err)
	end, _ := ends.Lookup(r.topic, 0)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers), kgo.ConsumeTopics(r.topic))
	require.NoError(r.T, err)
	defer client.Close()
	for n := 0; ; {
		fetches := client.PollFetches(r.T.Context())
		require.NoError(r.T, fetches.Err())
		for _, record := range fetches.Records() {
			n++
			if record.Offset == end.Offset-1 {
				return n
			}
		}
	}
}

// reset has the group begin again at the earliest offset there is. Nobody may be
// in it.
func (r *relay) reset() {
	r.T.Helper()
	starts, err := r.admin.ListStartOffsets(r.T.Context(), r.topic)
	require.NoError(r.T, err)
	rig.Await(r.T, "the group to be reset", func() error {
		return r.admin.CommitAllOffsets(r.T.Context(), r.topic, starts.Offsets())
	})
}

// prune is what docs/scale.md has operators run.
const prune = "DELETE FROM postgres_copy_ledger WHERE updated_at < now() - interval '30 days'"

func TestAGroupThatIsResetAfterPruning(t *testing.T) {
	t.Parallel()
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 1)
	r.edge()
	sink := r.sink()
	r.dropFiles(1, 0, 1000)
	r.awaitEvents(1000)
	r.awaitDrained()
	ends, err := r.admin.ListEndOffsets(r.T.Context(), r.topic)
	require.NoError(t, err)
	// A month later retention has removed these records, and the ledger what it
	// knew of them.
	r.DB.Exec("UPDATE postgres_copy_ledger SET updated_at = now() - interval '31 days'")
	_, err = r.admin.DeleteRecords(t.Context(), ends.Offsets())
	require.NoError(t, err)
	r.dropFiles(1, 1000, 2000)
	r.awaitEvents(2000)
	r.DB.Exec(prune)
	r.DB.Require("1", "SELECT count(*) FROM postgres_copy_ledger")

	sink.Terminate()
	r.reset()
	sink = r.sink()
	r.requireOnce(2000)

	// What the documentation warns of: pruning what is still in the topic.
	sink.Terminate()
	r.DB.Exec("DELETE FROM postgres_copy_ledger")
	r.reset()
	r.sink()
	r.awaitDrained()
	r.DB.Require("3000", "SELECT count(*) FROM events_by_day")
}
