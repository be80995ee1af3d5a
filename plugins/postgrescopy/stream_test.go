package postgrescopy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"
	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/redpanda-data/benthos/v4/public/service/integration"
)

// The upstream suites want an input to read back what an output wrote. This one
// reads a table as a queue, for these tests only.
func init() {
	spec := service.NewConfigSpec().Fields(service.NewStringField("dsn"), service.NewStringField("table"))
	service.MustRegisterInput("test_table_queue", spec, func(conf *service.ParsedConfig, _ *service.Resources) (service.Input, error) {
		q := &tableQueue{}
		q.dsn, _ = conf.FieldString("dsn")
		q.table, _ = conf.FieldString("table")
		return service.AutoRetryNacks(q), nil
	})
}

const queueTable = `CREATE TABLE IF NOT EXISTS %s (content text, meta jsonb, id bigserial PRIMARY KEY, taken boolean NOT NULL DEFAULT false)`

type tableQueue struct {
	dsn, table string
	mu         sync.Mutex
	conn       *pgx.Conn
}

// queueLock is the advisory lock under which the table of a queue is made: that of
// init statements, since the output makes the same table.
const queueLock = 0x70_67_63_6f_70_79_69

func (q *tableQueue) Connect(ctx context.Context) (err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.conn, err = pgx.Connect(ctx, q.dsn); err != nil {
		return err
	}
	if _, err := q.conn.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_lock(%d)", queueLock)); err != nil {
		return err
	}
	if _, err := q.conn.Exec(ctx, fmt.Sprintf(queueTable, sqltext.Quote(q.table))); err != nil {
		return err
	}
	if _, err := q.conn.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_unlock(%d)", queueLock)); err != nil {
		return err
	}
	_, err = q.conn.Exec(ctx, "UPDATE "+sqltext.Quote(q.table)+" SET taken = false WHERE taken")
	return err
}

func (q *tableQueue) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	for {
		message, ack, err := q.next(ctx)
		if !errors.Is(err, pgx.ErrNoRows) {
			return message, ack, err
		}
		if err := conn.Sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, nil, err
		}
	}
}

func (q *tableQueue) next(ctx context.Context) (*service.Message, service.AckFunc, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var id int64
	var content string
	var meta []byte
	err := q.conn.QueryRow(ctx, fmt.Sprintf("UPDATE %[1]s SET taken = true WHERE id = (SELECT id FROM %[1]s WHERE NOT taken ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, content, meta", sqltext.Quote(q.table))).Scan(&id, &content, &meta)
	if err != nil {
		return nil, nil, err
	}
	message := service.NewMessage([]byte(content))
	var values map[string]any
	if err := json.Unmarshal(meta, &values); err != nil {
		return nil, nil, err
	}
	for k, v := range values {
		message.MetaSetMut(k, v)
	}
	return message, func(ctx context.Context, _ error) error {
		q.mu.Lock()
		defer q.mu.Unlock()
		_, err := q.conn.Exec(ctx, "DELETE FROM "+sqltext.Quote(q.table)+" WHERE id = $1", id)
		return err
	}, nil
}

func (q *tableQueue) Close(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.conn == nil {
		return nil
	}
	return q.conn.Close(ctx)
}

const queueTemplate = `
output:
  postgres_copy:
    dsn: $VAR1
    table: queue_$ID
    columns: [ content, meta ]
    args_mapping: 'root = [ content().string(), @ ]'
    init_statement: ` + queueTable + `
    max_in_flight: $MAX_IN_FLIGHT
    batching:
      count: $OUTPUT_BATCH_COUNT

input:
  test_table_queue:
    dsn: $VAR1
    table: queue_$ID
`

func TestUpstreamStreamSuites(t *testing.T) {
	db := newTestDB(t)
	suite := integration.StreamTests(
		integration.StreamTestOpenClose(),
		integration.StreamTestMetadata(),
		integration.StreamTestSendBatch(10),
		integration.StreamTestSendBatches(10, 20, 4),
		integration.StreamTestSendBatchCount(10),
		integration.StreamTestStreamSequential(50),
		integration.StreamTestStreamParallel(50),
		integration.StreamTestStreamParallelLossy(50),
		integration.StreamTestStreamParallelLossyThroughReconnect(50),
	)
	if !raceDetector { // this one has a data race of its own
		suite = append(suite, integration.StreamTestAtLeastOnceDelivery())
	}
	suite.Run(t, fmt.Sprintf(queueTemplate, `"queue_$ID"`),
		integration.StreamTestOptVarSet("VAR1", db.dsn),
		integration.StreamTestOptTimeout(patient),
		integration.StreamTestOptMaxInFlight(4),
		integration.StreamTestOptVarSet("OUTPUT_BATCH_COUNT", "0"),
	)
}

func TestUpstreamOutputSuites(t *testing.T) {
	db := newTestDB(t, `CREATE TABLE messages (test text, id int, content text, PRIMARY KEY (test, id))`)
	get := func(ctx context.Context, test, id string) (string, []string, error) {
		conn, err := pgx.Connect(ctx, db.dsn)
		if err != nil {
			return "", nil, err
		}
		defer conn.Close(ctx)
		var content string
		err = conn.QueryRow(ctx, "SELECT content FROM messages WHERE test = $1 AND id = $2::text::int", test, id).Scan(&content)
		return content, nil, err
	}
	suite := integration.StreamTests(
		integration.StreamTestOutputOnlySendSequential(20, get),
		integration.StreamTestOutputOnlySendBatch(20, get),
		integration.StreamTestOutputOnlyOverride(get),
	)
	suite.Run(t, `
output:
  postgres_copy:
    dsn: $VAR1
    table: messages
    columns: [ test, id, content ]
    args_mapping: 'root = [ "$ID", this.id, content().string() ]'
    write_mode: upsert
    max_in_flight: 1
`, integration.StreamTestOptVarSet("VAR1", db.dsn), integration.StreamTestOptTimeout(patient))
}

// runStream runs a stream to its end, and gives its metrics' tracer.
func runStream(t *testing.T, yaml string) {
	t.Helper()
	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetYAML(yaml))
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	require.NoError(t, stream.Run(ctx))
}

func TestAFallbackReceivesTheRejectedRowsAndNothingElse(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE good (id int PRIMARY KEY, v int CHECK (v <> 13)); CREATE TABLE bad (id int PRIMARY KEY, reason text)`)
	runStream(t, fmt.Sprintf(`
input:
  generate:
    count: 1000
    interval: ""
    batch_size: 100
    mapping: |
      root.id = count("fallback_test")
      root.v = if root.id %% 10 == 0 { "x" } else if root.id %% 25 == 1 { 13 } else { 1000 + root.id }
output:
  fallback:
    - postgres_copy:
        dsn: %[1]q
        table: good
    - postgres_copy:
        dsn: %[1]q
        table: bad
      processors:
        - mapping: |
            root.id = this.id
            root.reason = @fallback_error
logger: { level: OFF }
`, db.dsn))
	assert.Equal(t, "860|140", db.value("SELECT (SELECT count(*) FROM good), (SELECT count(*) FROM bad)"))
	assert.Equal(t, []string{`column "v" integer: cannot take "x": not an integer|100`, `new row for relation "good" violates check constraint "good_v_check" (SQLSTATE 23514)|40`},
		db.rows("SELECT reason, count(*) FROM bad GROUP BY 1 ORDER BY 1"))
	assert.Equal(t, "0", db.value("SELECT count(*) FROM good JOIN bad USING (id)"))
}

func TestThreeFieldsAreEnough(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE events (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, kind text, amount numeric, at timestamptz, tags text[], payload jsonb)`)
	runStream(t, fmt.Sprintf(`
input:
  generate:
    count: 3
    interval: ""
    mapping: |
      root = {"kind": "sale", "amount": 12.5, "at": "2026-01-02T03:04:05Z", "tags": ["a", "b"], "payload": {"x": [1, null]}}
output:
  postgres_copy:
    dsn: %q
    table: events
logger: { level: OFF }
`, db.dsn))
	assert.Equal(t, `sale|12.5|2026-01-02 03:04:05+00|{a,b}|{"x": [1, null]}|3`, db.value("SELECT kind, amount, at AT TIME ZONE 'UTC' || '+00', tags, payload, count(*) FROM events GROUP BY 1, 2, 3, 4, 5"))
}
