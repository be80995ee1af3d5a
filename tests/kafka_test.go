//go:build unix

package tests

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/internal/kafkatest"
	"github.com/ecommerce-ingest/connect/tests/rig"
)

//promise:kafka-once
func TestKafkaLosesAndDoublesNothingWhenAllIsRestarted(t *testing.T) {
	t.Parallel()
	broker := newBroker(t)
	r := newRelay(rig.NewSite(t), broker.Address(), 6)
	n := *kafkaEvents
	r.dropFiles(12, 0, n/2)
	edge := r.edge()
	sinks := []*rig.Program{r.sink(), r.sink(), r.sink()}
	r.awaitEvents(1)
	sinks[0].Kill()
	sinks[0] = r.sink()
	r.awaitEvents(n / 10)
	sinks = append(sinks, r.sink())
	r.dropFiles(12, n/2, n)
	for i := range sinks { // a rolling restart
		rig.Await(t, "the next sink to be ready", sinks[i].ReadyIs(http.StatusOK))
		sinks[i].Terminate()
		sinks[i] = r.sink()
	}
	broker.Kill()
	require.NoError(t, broker.Restart(t.Context()))
	edge.Terminate()
	r.edge()
	r.awaitEvents(n)
	r.requireOnce(n)
}

//promise:kafka-once
func TestAnEdgeKilledBeforeItSavesStoresEveryRowOnce(t *testing.T) {
	t.Parallel()
	const rows = 40_000
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 3)
	r.dropFiles(3, 0, rows)
	r.sink()
	seen := int64(0)
	for range 6 {
		// Positions are never saved while it runs.
		edge := r.edge("input.csv_watch.checkpoint_interval=1h", "input.csv_watch.batch_count=500")
		r.awaitProduced(seen + 1)
		edge.Kill()
		now, err := r.produced()
		require.NoError(t, err)
		seen = now
	}
	r.edge()
	r.awaitEvents(rows)
	produced, err := r.produced()
	require.NoError(t, err)
	require.Greater(t, produced, int64(rows), "nothing was produced twice")
	r.requireOnce(rows)
}

//promise:kafka-once
func TestASinkThatSleepsThroughItsSessionDoublesNothing(t *testing.T) {
	t.Parallel()
	const rows = 5000
	s, _ := rig.NewSiteWithServer(t)
	r := newRelay(s, kafkatest.Brokers(t), 1)
	sleeper := r.sink()
	r.DB.Await("true", "SELECT to_regclass('events_by_day') IS NOT NULL")
	// Every COMMIT waits for a standby that is away.
	r.DB.Exec("ALTER SYSTEM SET synchronous_standby_names = 'away'")
	r.DB.Exec("SELECT pg_reload_conf()")
	r.dropFiles(1, 0, rows)
	r.edge()
	r.DB.Await("true", "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
	require.NoError(t, sleeper.Cmd.Process.Signal(syscall.SIGSTOP))

	// Another one takes over while that COMMIT is in flight, and is held up by the
	// lock on the ledger's row.
	r.sink()
	r.DB.Await("true", "SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ 'ledger' AND wait_event_type = 'Lock'")
	r.DB.Require("0", "SELECT count(*) FROM events_by_day")
	r.DB.Exec("ALTER SYSTEM RESET synchronous_standby_names")
	r.DB.Exec("SELECT pg_reload_conf()")
	r.awaitEvents(rows)
	require.NoError(t, sleeper.Cmd.Process.Signal(syscall.SIGCONT))
	sleeper.AwaitLine("(?i)session|rebalance|member|lost|generation")
	r.requireOnce(rows)
}

func TestAPoisonRecordInKafkaCostsOneRow(t *testing.T) {
	t.Parallel()
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 3)
	long := strings.Replace(rig.Record(5), `"Lamp, ""big"""`, strings.Repeat("x", 200_000), 1)
	r.DropFile("a.csv", rig.Header+"\n"+rig.Records(0, 2)+
		"too,few,cells\n"+
		strings.Replace(rig.Record(3), "12.50", "cheap", 1)+"\n"+ // the mapping refuses it
		strings.Replace(rig.Record(4), "12.50", "99999999999.99", 1)+"\n"+ // the table does
		long+"\n"+ // Kafka does
		rig.Records(6, 8))
	edge := r.edge("output.kafka_relay.max_message_bytes=100KB")
	r.sink()
	r.DB.AwaitRejected(4)
	r.awaitEvents(4)
	r.awaitDrained()
	r.DB.Require("4", "SELECT count(*) FROM events_by_day")
	path := r.EventsDir + "/a.csv"
	found := r.DB.Rejected(path)
	require.Len(t, found, 4)
	for i, want := range []rig.Rejection{
		{Stage: "parse", Reason: "", Path: path, Row: 3, Raw: "too,few,cells"},
		{Stage: "mapping", Reason: `price "cheap" is not a number from 0 on`, Path: path, Row: 4, Raw: strings.Replace(rig.Record(3), "12.50", "cheap", 1)},
		{Stage: "database", Reason: "", Path: path, Row: 5, Raw: strings.Replace(rig.Record(4), "12.50", "99999999999.99", 1)},
		{Stage: "parse", Reason: "", Path: path, Row: 6, Raw: ""},
	} {
		require.Equal(t, want.Stage, found[i].Stage)
		require.Equal(t, want.Row, found[i].Row)
		if want.Reason != "" {
			require.Contains(t, found[i].Reason, want.Reason)
		}
		if want.Raw != "" {
			require.Equal(t, want.Raw, found[i].Raw)
		}
	}
	require.Contains(t, found[3].Reason, "as a Kafka record and max_message_bytes is 100000")
	edge.AwaitLine("a.csv: row 6: the row takes 2[0-9]{5} bytes as a Kafka record")
}

func TestANewTopicOfTheSameNameSkipsNothing(t *testing.T) {
	t.Parallel()
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 2)
	sink, edge := r.sink(), r.edge()
	r.dropFiles(2, 0, 1000)
	r.awaitEvents(1000)
	r.awaitDrained()
	r.recreate(2)
	r.dropFiles(2, 1000, 2000)
	r.awaitEvents(2000)
	r.requireOnce(2000)
	edge.RequireCalm(4)
	sink.RequireCalm(4)
}

func TestForeignRecordsAreKnownByTopicAndOffset(t *testing.T) {
	t.Parallel()
	r := newRelay(rig.NewSite(t), kafkatest.Brokers(t), 1)
	r.DB.CreateTables()
	r.DB.Exec("CREATE TABLE orders (id bigint)")
	c := r.consumer("")
	r.produce(0, 100)
	r.DB.Await("100", "SELECT count(*) FROM orders")
	r.recreate(1)
	r.produce(100, 200) // the same offsets
	r.DB.Await("200", "SELECT count(DISTINCT id) FROM orders")
	c.AwaitLine("level=error.*The topic " + r.topic + " was deleted")

	// Another cluster has a topic of the same name.
	other := newRelay(r.Site, newBroker(t).Address(), 1)
	other.topic = r.topic
	kafkatest.CreateTopic(t, other.admin, other.topic, 1)
	other.consumer("")
	other.produce(200, 300)
	r.DB.Await("300", "SELECT count(DISTINCT id) FROM orders")
	r.DB.Require("300", "SELECT count(*) FROM orders")
	r.DB.AwaitRejected(3)
}

func TestARebalanceStormWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	s, server := rig.NewSiteWithServer(t)
	r := newRelay(s, kafkatest.Brokers(t), 2)
	r.edge()
	first := r.sink()
	r.dropFiles(4, 0, rows/2)
	r.awaitEvents(1)
	require.NoError(t, server.StopNow(t.Context()))
	r.dropFiles(4, rows/2, rows)
	r.awaitProduced(rows)
	for range 3 {
		second := r.sink()
		second.AwaitLine("level=error")
		second.Kill()
	}
	first.Kill()
	_, err := r.admin.CreatePartitions(t.Context(), 2, r.topic)
	require.NoError(t, err)
	require.NoError(t, server.Restart(t.Context()))
	r.sink()
	r.sink()
	r.dropFiles(4, rows, 2*rows) // some of it goes to the new partitions
	r.awaitEvents(2 * rows)
	r.requireOnce(2 * rows)
}

func TestPartitionsOfEventsAreMadeAheadAndDropped(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	for _, name := range []string{"001_user_events.sql", "007_events_by_day.sql", "007_events_by_day.sql"} {
		s.DB.Exec(s.Schema(name))
	}
	insert := func(id int, at string) {
		s.DB.Exec(fmt.Sprintf(`INSERT INTO events_by_day (event_id, user_id, event_type, "timestamp") VALUES ('%s', 1, 'view', %s)`, rig.EventID(id), at))
	}
	insert(1, "now()")
	insert(2, "now() + interval '3 days'")
	insert(3, "now() - interval '200 days'")
	insert(4, "'infinity'")
	s.DB.Require("4", "SELECT count(*) FROM events_by_day_default")
	s.DB.Exec("CREATE TABLE events_by_day_20200101 PARTITION OF events_by_day FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00')")
	insert(5, "'2020-01-01 12:00:00+00'")

	path := s.ConfigDir + "/scale/partitions.yaml"
	p := s.Launch("partitions", []string{"run", path}, []string{"PARTITIONS_AHEAD=7", "PARTITIONS_KEEP=90"})
	s.DB.Await("9 partitions made, 1 dropped, 1 rows removed from the default partition", "SELECT string_agg(done, ';') FROM events_by_day_maintenance")
	p.Terminate()
	s.DB.Require("1", "SELECT count(*) FROM events_by_day_default")
	s.DB.Require("3", "SELECT count(*) FROM events_by_day")
	s.DB.Require("0 partitions made, 0 dropped, 0 rows removed from the default partition", "SELECT maintain_events_by_day(7, 90)")
}
