package postgrescopy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const onceYAML = `
exactly_once:
  channel: ${! @channel }
  offset_token: ${! @offset }
`

// numbered makes messages of a channel with offsets from first on.
func numbered(channel string, first int, rows ...fields) service.MessageBatch {
	batch := batchOf(rows...)
	for i, m := range batch {
		m.MetaSetMut("channel", channel)
		m.MetaSetMut("offset", first+i)
	}
	return batch
}

func values(from, to int) []fields {
	var rows []fields
	for v := from; v < to; v++ {
		rows = append(rows, fields{"v": v})
	}
	return rows
}

func TestAReplayOfAnyKindStoresARowOnce(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v" + onceYAML)

	for _, r := range [][2]int{{0, 10}, {20, 30}, {0, 10}, {5, 25}, {0, 40}, {30, 31}} {
		assert.Empty(t, o.writeBatch(numbered("a", r[0], values(r[0], r[1])...)))
	}
	assert.Empty(t, o.writeBatch(numbered("b", 0, values(100, 103)...)), "another channel has offsets of its own")

	assert.Equal(t, "43|43", db.value("SELECT count(*), count(DISTINCT v) FROM v"))
	assert.Equal(t, []string{"a|{[0,40)}", "b|{[0,3)}"}, db.rows("SELECT channel, offsets FROM postgres_copy_ledger ORDER BY 1"))
}

func TestARowRepeatedInABatchIsStoredOnce(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int CHECK (v > 0))`)
	o := db.connected("table: v" + onceYAML)
	batch := append(numbered("a", 0, values(1, 4)...), numbered("a", 1, values(2, 6)...)...)
	batch = append(batch, numbered("a", 9, fields{"v": -1})...)
	batch = append(batch, numbered("a", 9, fields{"v": -1})...)
	rejected := o.writeBatch(batch)
	assert.Len(t, rejected, 2, "what repeats a rejected row is rejected with it")
	assert.Equal(t, rejected[7], rejected[8])
	assert.Equal(t, []string{"1", "2", "3", "4", "5"}, db.rows("SELECT v FROM v ORDER BY v"))
	assert.Equal(t, "{[0,5)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
}

func TestARejectedRowStaysOpenUntilItIsStored(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int CHECK (v <> 3)); CREATE TABLE rejected (reason text)`)
	good, bad := db.connected("table: v"+onceYAML+"  scope: events"), db.connected("table: rejected"+onceYAML+"  scope: events")

	batch := numbered("a", 0, values(0, 6)...)
	rejected := good.writeBatch(batch)
	assert.Len(t, rejected, 1)
	assert.Equal(t, "{[0,3),[4,6)}", db.value("SELECT offsets FROM postgres_copy_ledger"))

	for range 2 { // a crash before its acknowledgement brings it again
		assert.Empty(t, bad.writeBatch(numbered("a", 3, fields{"reason": rejected[3]})))
		assert.Equal(t, "{[0,6)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
		assert.Equal(t, "1", db.value("SELECT count(*) FROM rejected"))
		assert.Empty(t, good.writeBatch(batch.Copy()), "the rejected row is behind us")
	}
	assert.Equal(t, "5", db.value("SELECT count(*) FROM v"))
}

func TestTheLedgerWorksInEveryWriteModeAndShape(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"append", "ignore", "upsert"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			db := newLedgerDB(t, `CREATE TABLE k (id int PRIMARY KEY, v int CHECK (v <> 13), w int)`)
			o := db.connected("table: k\nwrite_mode: " + mode + onceYAML)
			batch := numbered("a", 0, fields{"id": 1, "v": 1}, fields{"id": 2, "w": 2}, fields{"id": 3, "v": 13}, fields{"id": 4, "v": 4})
			for range 3 {
				assert.Len(t, o.writeBatch(batch.Copy()), 1)
			}
			assert.Equal(t, "{[0,2),[3,4)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
			if mode != "append" {
				assert.Empty(t, o.writeBatch(numbered("a", 10, fields{"id": 1, "v": 5}, fields{"id": 9, "v": 5})))
				assert.Equal(t, "{[0,2),[3,4),[10,12)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
			}
			assert.Equal(t, "1", db.value("SELECT count(*) FROM k WHERE id = 1"))
		})
	}
}

func TestMessagesWithoutAnOffsetAreRejected(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v" + onceYAML)
	batch := append(numbered("", 0, values(1, 2)...), numbered("a", 0, values(1, 6)...)...)
	batch[1].MetaSetMut("offset", "x")
	batch[2].MetaSetMut("offset", "9223372036854775807")
	batch[3].MetaSetMut("channel", "a\x00b")
	batch[5].MetaSetMut("channel", strings.Repeat("x", 2001))
	rejected := o.writeBatch(batch)
	assert.Equal(t, map[int]string{
		0: "exactly_once.channel gave nothing: every message needs the name of its channel",
		1: `exactly_once.offset_token gave "x": it must be an integer from -9223372036854775808 to 9223372036854775806`,
		2: `exactly_once.offset_token gave "9223372036854775807": it must be an integer from -9223372036854775808 to 9223372036854775806`,
		3: `exactly_once.channel gave "a\x00b", which is not text that PostgreSQL can store`,
		5: `exactly_once.channel gave a name of 2001 bytes: it may have 2000`,
	}, rejected)

	var random strings.Builder // nothing that an index could make shorter
	for random.Len() < 2000 {
		fmt.Fprintf(&random, "%x", rand.Uint64())
	}
	assert.Empty(t, o.writeBatch(numbered(random.String()[:2000], 0, values(7, 9)...)))
	db.exec("DELETE FROM postgres_copy_ledger WHERE channel <> 'a'")
	assert.Equal(t, "a|{[3,4)}", db.value("SELECT channel, offsets FROM postgres_copy_ledger"))
}

func TestTokensAreReadFromMetadataAndContent(t *testing.T) {
	t.Parallel()
	message := service.NewMessage([]byte(`{"n": 7, "s": "x"}`))
	message.MetaSetMut("topic", "t")
	message.MetaSetMut("partition", 3)
	message.MetaSetMut("offset", int64(-9))
	message.MetaSetMut("odd name", "o")
	message.MetaSetMut("nothing", nil)
	for text, want := range map[string]string{
		`${! @topic }`:                    "t",
		`${!@offset}`:                     "-9",
		`${! @topic }/${! @partition }`:   "t/3",
		`a${! metadata("odd name") }b`:    "aob",
		`plain`:                           "plain",
		`${! @missing }`:                  "",
		`x${! @nothing }`:                 "",
		`${! this.n }`:                    "7",
		`${! this.missing }`:              "",
		`${! this.s + "-" + @topic }`:     "x-t",
		`${! @topic.uppercase() }`:        "T",
		`${! @partition + 1 }`:            "4",
		`$5${! @topic }`:                  "$5t",
		`${! @topic }${! batch_index() }`: "t0",
	} {
		field, err := service.NewInterpolatedString(text)
		require.NoError(t, err)
		got, err := newToken(text, field).reader(service.MessageBatch{message})(0)
		require.NoError(t, err, text)
		assert.Equal(t, want, string(got), text)
	}
}

func TestChannelsOfAnyNameAreKept(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v" + onceYAML)
	for _, name := range []string{`it's`, `back\slash`, `$$; DROP TABLE v; --`, "new\nline", "größe", `"`, `\'`} {
		for range 2 {
			assert.Empty(t, o.writeBatch(numbered(name, -5, values(0, 10)...)), name)
			o.connect() // which forgets nothing, since nothing is remembered
		}
		assert.Equal(t, "{[-5,0)}{[0,5)}", db.value("SELECT string_agg(offsets::text, '' ORDER BY part) FROM postgres_copy_ledger WHERE channel = "+sqltext.Literal(name)))
	}
	assert.Equal(t, "70", db.value("SELECT count(*) FROM v"))
}

//promise:once-by-ledger
func TestTwoInstancesNeverBothStoreAnOffset(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int CHECK (v % 97 <> 0))`)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	const channels, rows = 3, 600
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for instance := range 2 {
		o := db.connected("table: v\nmax_in_flight: 4" + onceYAML)
		for worker := range 4 {
			random := rand.New(rand.NewPCG(uint64(instance), uint64(worker)))
			wg.Go(func() {
				for range 12 {
					var batch service.MessageBatch
					for range 2 {
						channel, from := random.IntN(channels), random.IntN(rows-60)
						batch = append(batch, numbered(fmt.Sprint("c", channel), from, values(channel*rows+from, channel*rows+from+random.IntN(60))...)...)
					}
					if _, err := o.send(ctx, batch); err != nil {
						errs <- err
					}
				}
			})
		}
	}
	wg.Wait()
	close(errs)
	require.NoError(t, <-errs)
	assert.Equal(t, "t", db.value("SELECT count(*) = count(DISTINCT v) FROM v"))
	assert.Equal(t, "t", db.value(`SELECT (SELECT count(*) FROM v) = (SELECT sum(upper(r) - lower(r)) FROM postgres_copy_ledger, unnest(offsets) r)`))
}

func TestTheLedgerIsMadeOnceByManyInstances(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int); CREATE SCHEMA books`)
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		o := newTestOutput(t, db.dsn, `
table: v
init_statement: 'CREATE TABLE IF NOT EXISTS extra (v int); CREATE INDEX IF NOT EXISTS extra_v ON extra (v)'
exactly_once: { channel: '${! "a" }', offset_token: '${! this.v }', table: 'books."My Ledger"' }
`)
		wg.Go(func() { errs[i] = o.Connect(context.Background()) })
	}
	wg.Wait()
	for _, err := range errs {
		assert.NoError(t, err)
	}
	assert.Equal(t, "0", db.value(`SELECT count(*) FROM books."My Ledger"`))
}

func TestATableThatIsNoLedgerIsRefused(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int); CREATE TABLE postgres_copy_ledger (channel int)`)
	o := newTestOutput(t, db.dsn, "table: v"+onceYAML)
	err := o.Connect(context.Background())
	assert.EqualError(t, err, "table public.postgres_copy_ledger is not a ledger of postgres_copy, which has the columns scope text, channel text, part int8, offsets int8multirange, bits bit(4096), low_watermark int8 and updated_at timestamptz: name another in `exactly_once.table`")
}

func TestAStoredRejectionIsNotReportedAgain(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int); CREATE TABLE rejected (reason text)`)
	good, bad := db.connected("table: v"+onceYAML+"  scope: events"), db.connected("table: rejected"+onceYAML+"  scope: events")
	batch := numbered("a", 0, fields{"v": "one"}, fields{"v": 2})
	assert.Len(t, good.writeBatch(batch), 1)
	assert.Empty(t, bad.writeBatch(numbered("a", 0, fields{"reason": "no number"})))
	assert.Empty(t, good.writeBatch(batch.Copy()))
}

func TestALedgerNeedsMultiranges(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE v (v int)`)
	if db.hasMultiranges() {
		t.Skip("this server has multiranges")
	}
	err := newTestOutput(t, db.dsn, "table: v"+onceYAML).Connect(context.Background())
	assert.EqualError(t, err, fmt.Sprintf("the server runs PostgreSQL %s: exactly_once needs PostgreSQL 14 or later, which has multiranges: remove `exactly_once` or upgrade the server", db.value("SHOW server_version")))
}

func TestBatchesOfOneChannelCopyConcurrently(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int); CREATE TABLE gate (id int); INSERT INTO gate VALUES (1)`,
		`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM gate FOR UPDATE; RETURN NEW; END'`,
		`CREATE TRIGGER wait BEFORE INSERT ON v FOR EACH ROW WHEN (NEW.v = 5) EXECUTE FUNCTION wait()`)
	o := db.connected("table: v\nmax_in_flight: 2" + onceYAML)
	open := db.inOtherSession("SELECT FROM gate FOR UPDATE")

	done := make(chan map[int]string)
	go func() { done <- o.writeBatch(numbered("a", 0, values(0, 10)...)) }()
	require.Eventually(t, func() bool {
		return db.value("SELECT count(DISTINCT pid) FROM pg_locks WHERE relation = 'gate'::regclass") == "2"
	}, patient, 5*time.Millisecond, "the first batch is in its COPY")
	assert.Empty(t, o.writeBatch(numbered("a", 10, values(10, 20)...)), "the second one passes it")
	assert.Equal(t, "{[10,20)}", db.value("SELECT offsets FROM postgres_copy_ledger"))

	open()
	assert.Empty(t, <-done)
	assert.Equal(t, "{[0,20)}", db.value("SELECT offsets FROM postgres_copy_ledger"), "and in the end they are one range")
	assert.Equal(t, "20", db.value("SELECT count(*) FROM v"))
}
