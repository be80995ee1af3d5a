package postgrescopy

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// filtered is numbered without the messages whose offset keep does not admit,
// and with the low watermark that an input would have set.
func filtered(channel string, first, watermark int, keep func(offset int) bool, rows ...fields) service.MessageBatch {
	var kept service.MessageBatch
	for i, m := range numbered(channel, first, rows...) {
		m.MetaSetMut("csv_row", first+i)
		m.MetaSetMut("csv_low_watermark", int64(watermark))
		if keep(first + i) {
			kept = append(kept, m)
		}
	}
	return kept
}

const csvOnceYAML = `
exactly_once:
  channel: ${! @channel }
  offset_token: ${! @csv_row }
`

//promise:own-ledger
func TestTwoTablesAreDoneEachForItself(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE a (v int); CREATE TABLE b (v int)`)
	for _, table := range []string{"a", "b", "public.a"} {
		assert.Empty(t, db.connected("table: "+table+onceYAML).writeBatch(numbered("c", 0, values(0, 1000)...)))
	}
	assert.Equal(t, "1000|1000", db.value("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"))
	assert.Equal(t, []string{`"public"."a"|c|{[0,1000)}`, `"public"."b"|c|{[0,1000)}`}, db.rows("SELECT scope, channel, offsets FROM postgres_copy_ledger ORDER BY 1"))
}

func TestTablesOfOneBatchAreDoneEachForItself(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE a (v int); CREATE TABLE b (v int)`)
	o := db.connected("table: ${! @table }\nmax_in_flight: 1" + onceYAML)
	batch := append(numbered("c", 0, values(0, 3)...), numbered("c", 0, values(0, 3)...)...)
	for i, m := range batch {
		m.MetaSetMut("table", []string{"a", "b", "public.a", "b", "b", "b"}[i])
	}
	for range 2 {
		assert.Empty(t, o.writeBatch(batch.Copy()))
	}
	assert.Equal(t, []string{"0", "2"}, db.rows("SELECT v FROM a ORDER BY 1"))
	assert.Equal(t, []string{"0", "1", "2"}, db.rows("SELECT v FROM b ORDER BY 1"))
}

//promise:own-ledger
func TestOutputsShareMarksByName(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE a (v int); CREATE TABLE b (v int)`)
	for _, table := range []string{"a", "b"} {
		o := db.connected("table: " + table + onceYAML + "  scope: shop events")
		assert.Empty(t, o.writeBatch(numbered("c", 0, values(0, 10)...)))
	}
	assert.Equal(t, "10|0", db.value("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"))
	assert.Equal(t, "shop events", db.value("SELECT scope FROM postgres_copy_ledger"))
}

func TestBelowTheLowWatermarkOffsetsAreOneRange(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	o := db.connected("table: v" + csvOnceYAML)
	even := func(offset int) bool { return offset%2 == 0 }
	write := func(from, watermark int) {
		t.Helper()
		assert.Empty(t, o.writeBatch(filtered("c", from, watermark, even, values(from, from+10)...)))
	}
	write(100, 100)
	write(110, 100) // in flight with the one before
	assert.Equal(t, "100|10", db.value("SELECT low_watermark, (SELECT count(*) FROM unnest(offsets)) FROM postgres_copy_ledger"))
	write(120, 120)
	assert.Equal(t, "{[100,121),[122,123),[124,125),[126,127),[128,129)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
	write(140, 130) // whatever is to come between is not done
	assert.Equal(t, "{[100,130),[140,141),[142,143),[144,145),[146,147),[148,149)}", db.value("SELECT offsets FROM postgres_copy_ledger"))
	write(130, 120) // comes again with the watermark that it had
	write(110, 110)
	write(90, 80)
	assert.Equal(t, "30", db.value("SELECT count(*) FROM v"))
	assert.Equal(t, "130", db.value("SELECT low_watermark FROM postgres_copy_ledger"))
}

func TestAWatermarkThatIsNoIntegerRejectsItsMessage(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	batch := filtered("c", 0, 0, func(int) bool { return true }, values(0, 2)...)
	batch[1].MetaSetMut("csv_low_watermark", "soon")
	assert.Equal(t, map[int]string{1: `exactly_once.low_watermark gave "soon": it must be an integer, or nothing`}, db.connected("table: v"+csvOnceYAML).writeBatch(batch))
	batch[1].MetaSetMut("csv_low_watermark", nil)
	assert.Empty(t, db.connected("table: v"+csvOnceYAML).writeBatch(batch[1:]))
}

func TestTheWatermarkBelongsToTheOffset(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"offset_token: ${! @csv_row }":                                             "csv_low_watermark",
		`offset_token: ${! metadata("kafka_offset") }`:                             "kafka_low_watermark",
		"offset_token: ${! @csv_row + 1 }":                                         "",
		"offset_token: ${! @id }":                                                  "",
		"offset_token: ${! @csv_row }\n  low_watermark: ${! @acknowledged_below }": "acknowledged_below",
	} {
		o := newTestOutput(t, "", "table: v\nexactly_once:\n  channel: ${! @c }\n  "+yaml)
		got := ""
		if o.conf.low != nil {
			got = o.conf.low.metadata()
		}
		assert.Equal(t, want, got, yaml)
	}
}

// oldLedger is what a version without scopes has left.
const oldLedger = `
CREATE TABLE postgres_copy_ledger (
	channel text PRIMARY KEY,
	offsets int8multirange NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
) WITH (fillfactor = 50);
INSERT INTO postgres_copy_ledger VALUES ('c', '{[0,10),[20,30)}', '2020-01-01')`

func TestAnOldLedgerKeepsItsMarks(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int CHECK (v <> 15)); CREATE TABLE rejected (v int)`, oldLedger)
	stored, rejects := db.connected("table: v"+onceYAML), db.connected("table: rejected"+onceYAML)
	for range 2 {
		assert.Len(t, stored.writeBatch(numbered("c", 0, values(0, 40)...)), 1)
		assert.Empty(t, rejects.writeBatch(numbered("c", 5, values(5, 6)...)), "done by either of the two")
		assert.Empty(t, rejects.writeBatch(numbered("c", 15, values(15, 16)...)))
		assert.Equal(t, "19", db.value("SELECT count(*) FROM v"))
		assert.Equal(t, "15", db.value("SELECT v FROM rejected"))
	}
	assert.Equal(t, []string{
		`|c|{[0,10),[20,30)}|2020`, `"public"."rejected"|c|{[15,16)}|`, `"public"."v"|c|{[10,15),[16,20),[30,40)}|`,
	}, db.rows("SELECT scope, channel, offsets, CASE WHEN scope = '' THEN extract(year FROM updated_at)::text END FROM postgres_copy_ledger ORDER BY 1"))
}

func TestALedgerOfRangesGetsBits(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`, `CREATE TABLE postgres_copy_ledger (scope text, channel text, part int8, offsets int8multirange NOT NULL,
		low_watermark int8, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (scope, channel, part)) WITH (fillfactor = 50);
		INSERT INTO postgres_copy_ledger VALUES ('"public"."v"', 'c', 0, (SELECT range_agg(int8range(n, n + 1)) FROM generate_series(0, 998, 2) AS n), 0)`)
	o := db.connected("table: v" + csvOnceYAML)
	o.load(2, 1000, true, func(offset int) bool { return offset%3 == 0 })
	assert.Equal(t, "500", db.value("SELECT count(*) FROM v"), "half of the first batch is done")
}

func TestAnOldLedgerIsMigratedOnceByManyInstances(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`, oldLedger)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		o := newTestOutput(t, db.dsn, "table: v"+onceYAML)
		wg.Go(func() { errs[i] = o.Connect(context.Background()) })
	}
	wg.Wait()
	for _, err := range errs {
		assert.NoError(t, err)
	}
	assert.Equal(t, "|c|{[0,10),[20,30)}", db.value("SELECT scope, channel, offsets FROM postgres_copy_ledger"))
	assert.Equal(t, "scope,channel,part", db.value(`SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, n), pg_attribute a
		WHERE i.indrelid = 'postgres_copy_ledger'::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.attnum`))
}

// oldMark is how a version without scopes marks offsets.
const oldMark = `WITH marked AS (INSERT INTO postgres_copy_ledger AS l (channel, offsets) VALUES ('c', '%s'::pg_catalog.int8multirange)
	ON CONFLICT (channel) DO UPDATE SET offsets = l.offsets + EXCLUDED.offsets, updated_at = pg_catalog.now()
	WHERE NOT l.offsets && EXCLUDED.offsets RETURNING 1) SELECT count(*) FROM marked`

func TestAnOldInstanceStoresNothingAfterTheMigration(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`, oldLedger)
	finish := db.inOtherSession("INSERT INTO v VALUES (10); " + fmt.Sprintf(oldMark, "{[10,11)}"))
	o := newTestOutput(t, db.dsn, "table: v"+onceYAML)
	connected := make(chan error)
	go func() { connected <- o.Connect(context.Background()) }()
	require.Eventually(t, func() bool {
		return db.value("SELECT count(*) FROM pg_locks WHERE relation = 'postgres_copy_ledger'::regclass AND NOT granted") == "1"
	}, patient, 5*time.Millisecond, "the migration waits for what is under way")
	finish()
	require.NoError(t, <-connected)
	assert.Empty(t, o.writeBatch(numbered("c", 9, values(9, 12)...)))
	assert.Equal(t, []string{"10", "11"}, db.rows("SELECT v FROM v ORDER BY v"))

	_, err := db.conn.Exec(context.Background(), fmt.Sprintf(oldMark, "{[50,51)}"))
	require.ErrorContains(t, err, "no unique or exclusion constraint matching the ON CONFLICT specification")
}

func TestAnOldLedgerOfAnotherOwnerIsNotMigrated(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`, oldLedger)
	dsn, role := db.asRole()
	db.exec("GRANT INSERT ON v TO " + role + "; GRANT SELECT, INSERT, UPDATE ON postgres_copy_ledger TO " + role)
	err := newTestOutput(t, dsn, "table: v"+onceYAML).Connect(context.Background())
	const statement = `ALTER TABLE public.postgres_copy_ledger DROP CONSTRAINT "postgres_copy_ledger_pkey", ADD COLUMN bits bit(4096), ADD COLUMN scope text NOT NULL DEFAULT '', ADD COLUMN part int8 NOT NULL DEFAULT 0, ADD COLUMN low_watermark int8, ADD PRIMARY KEY (scope, channel, part)`
	require.EqualError(t, err, fmt.Sprintf(`the ledger public.postgres_copy_ledger is of an earlier version, and the role "%s" may not alter it: let its owner run %s`, strings.Trim(role, `"`), statement))
	db.exec(statement)
	require.NoError(t, newTestOutput(t, dsn, "table: v"+onceYAML).Connect(context.Background()))
}

func TestSkippingAllRowsIsLogged(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	write := func(from, to, rows int) string {
		o := db.connected("table: v" + onceYAML)
		for i := from; i < to; i++ {
			assert.Empty(t, o.writeBatch(numbered("c", i*rows, values(i*rows, (i+1)*rows)...)))
		}
		require.NoError(t, o.Close(context.Background()))
		return o.log.String()
	}
	assert.Empty(t, write(0, 11, 10_000))
	assert.Contains(t, write(0, 1, 10), "The ledger has the last 10 rows as done, so that none of them was stored.")
	log := write(0, 11, 10_000)
	assert.Contains(t, log, "The ledger has the last 100000 rows as done, so that none of them was stored.")
	assert.Equal(t, 2, strings.Count(log, "\n"), "once in 100,000 rows, and at the end")
	assert.Empty(t, write(9, 12, 10_000), "a restart brings some again")
}

func TestWithoutAWatermarkAChannelHasParts(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE v (v int)`)
	with, without := db.connected("table: v"+csvOnceYAML), db.connected("table: v"+csvOnceYAML+"  low_watermark: '${! \"\" }'\n")
	even := func(offset int) bool { return offset%2 == 0 }
	write := func(o *testOutput, from, to int) {
		t.Helper()
		assert.Empty(t, o.writeBatch(filtered("c", from, from, even, values(from, to)...)))
	}
	for range 2 {
		write(without, 0, 10_000)
		write(without, 9_000, 12_000)
	}
	assert.Equal(t, []string{"0|2048", "1|2048", "2|1904"}, db.rows("SELECT part, bit_count(bits) FROM postgres_copy_ledger ORDER BY 1"))
	for range 2 { // either finds what the other has marked
		write(with, 9_000, 13_000)
		write(without, 8_000, 14_000)
	}
	assert.Equal(t, "7000|7000", db.value("SELECT count(*), count(DISTINCT v) FROM v"))
}

func TestARejectionWithoutATableIsStoredOnce(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, rejectsSchema+`; CREATE TABLE v (v int)`)
	o := db.connected("table: ${! @table }\nrejects: { table: rejected }" + onceYAML)
	batch := numbered("c", 0, values(0, 3)...)
	for i, name := range []string{"v", `"`, "missing"} {
		batch[i].MetaSetMut("table", name)
	}
	for range 2 {
		assert.Empty(t, o.writeBatch(batch.Copy()))
	}
	assert.Equal(t, "1|2", db.value("SELECT (SELECT count(*) FROM v), (SELECT count(*) FROM rejected)"))
}
