package postgrescopy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/conn"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// example is one of the page's, run as it is but for the database.
type example struct {
	t      *testing.T
	config string
	db     *testDB
}

// paths are what a stream serves; the input registers its path more than once.
type paths struct {
	mu     sync.Mutex
	byPath map[string]http.HandlerFunc
}

func (p *paths) HandleFunc(path string, handler func(http.ResponseWriter, *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byPath[path] = handler
}

// at waits for the path to be served.
func (p *paths) at(ctx context.Context, t *testing.T, path string) http.HandlerFunc {
	for {
		p.mu.Lock()
		handler := p.byPath[path]
		p.mu.Unlock()
		if handler != nil {
			return handler
		}
		require.NoError(t, conn.Sleep(ctx, 5*time.Millisecond))
	}
}

func examples(t *testing.T) map[string]string {
	t.Helper()
	view, ok := service.GlobalEnvironment().GetOutputConfig("postgres_copy")
	require.True(t, ok)
	data, err := view.TemplateData()
	require.NoError(t, err)
	found := map[string]string{}
	for _, e := range data.Examples {
		found[e.Title] = e.Config
	}
	return found
}

// run runs the example and calls do, which may post to its input, or send
// batches if it has none.
func (e *example) run(do func(post func(path, body string) int, send service.MessageBatchHandlerFunc)) {
	e.t.Helper()
	builder := service.NewStreamBuilder()
	builder.SetEnvVarLookupFunc(func(name string) (string, bool) { return e.db.dsn, name == "POSTGRES_DSN" })
	mux := &paths{byPath: map[string]http.HandlerFunc{}}
	builder.SetHTTPMux(mux)
	require.NoError(e.t, builder.SetYAML(e.config+"\nlogger: { level: OFF }\n"))
	var send service.MessageBatchHandlerFunc
	if !strings.Contains(e.config, "input:") {
		var err error
		send, err = builder.AddBatchProducerFunc()
		require.NoError(e.t, err)
	}
	stream, err := builder.Build()
	require.NoError(e.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- stream.Run(ctx) }()
	do(func(path, body string) int {
		answer := httptest.NewRecorder()
		mux.at(ctx, e.t, path)(answer, httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body)))
		return answer.Code
	}, send)
	require.NoError(e.t, stream.StopWithin(patient))
	<-done
}

func TestTheExamplesOfTheDocumentationAreRight(t *testing.T) {
	t.Setenv("POSTGRES_DSN", "postgres://localhost/x")
	found := examples(t)
	require.Len(t, found, 4)
	for title, config := range found {
		lints, err := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().LintYAML([]byte(config))
		require.NoError(t, err, title)
		assert.Empty(t, lints, title)
	}
}

func TestTheExamplesOfTheDocumentationRun(t *testing.T) {
	t.Parallel()
	type (
		poster = func(path, body string) int
		sender = service.MessageBatchHandlerFunc
	)
	cases := map[string]struct {
		schema string
		do     func(t *testing.T, post poster, send sender)
		check  string
		want   []string
	}{
		"Two fields are enough": {
			schema: `CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now(), kind text, amount numeric)`,
			do: func(t *testing.T, post poster, _ sender) {
				assert.Equal(t, http.StatusOK, post("/events", `{"kind": "sale", "amount": 12.5}`))
				assert.Equal(t, http.StatusOK, post("/events", `{"kind": "refund", "amount": 12345678901234567890.123, "at": "2026-01-02T03:04:05Z"}`))
				assert.NotEqual(t, http.StatusOK, post("/events", `{"kind": "odd", "amount": "many"}`))
				assert.NotEqual(t, http.StatusOK, post("/events", `[1]`))
			},
			check: `SELECT kind, amount, at >= '2026-01-02T03:04:05Z' FROM events ORDER BY id`,
			want:  []string{"sale|12.5|t", "refund|12345678901234567890.123|t"},
		},
		"Skip existing rows": {
			do: func(t *testing.T, post poster, _ sender) {
				for _, total := range []string{"12.5", "13"} {
					assert.Equal(t, http.StatusOK, post("/orders", `{"order_id": "0198c0de-7b1c-7d2e-8a3f-5b6c7d8e9f01", "placed_at": 1767323045, "total": `+total+`}`))
				}
				assert.Equal(t, http.StatusOK, post("/orders", `{"order_id": "0198c0de-7b1c-7d2e-8a3f-5b6c7d8e9f02", "placed_at": 1767323045, "total": -1}`))
			},
			check: `SELECT total::text, placed_at::text FROM orders UNION ALL SELECT reason, raw::jsonb->>'total' FROM rejected_orders ORDER BY 1`,
			want:  []string{"12.50|2026-01-02 03:04:05+00", `new row for relation "orders" violates check constraint "orders_total_check" (SQLSTATE 23514)|-1`},
		},
		"Keep the last state of each key": {
			do: func(t *testing.T, post poster, _ sender) {
				for _, body := range []string{`{"sku": "a", "name": "Lamp", "price": 5}`, `{"sku": "a", "price": 6.5}`, `{"sku": "b", "tags": ["x", "y"]}`, `{"sku": "a", "tags": []}`} {
					assert.Equal(t, http.StatusOK, post("/products", body))
				}
			},
			check: `SELECT * FROM products ORDER BY sku`,
			want:  []string{"a|Lamp|6.50|{}", "b|||{x,y}"},
		},
		"Exactly once without a key": {
			do: func(t *testing.T, _ poster, send sender) {
				for range 2 {
					batch := batchOf(fields{"url": "/a", "at": 0}, fields{"url": "/a", "at": 0})
					for i, m := range batch {
						m.MetaSetMut("kafka_topic", "views")
						m.MetaSetMut("kafka_partition", 3)
						m.MetaSetMut("kafka_offset", 100+i)
					}
					assert.NoError(t, send(t.Context(), batch))
				}
			},
			check: `SELECT count(*), (SELECT channel || offsets::text FROM postgres_copy_ledger) FROM page_views`,
			want:  []string{"2|views/3{[100,102)}"},
		},
	}
	found := examples(t)
	require.Len(t, found, len(cases))
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			newDB := newTestDB
			if strings.Contains(found[title], "exactly_once") {
				newDB = newLedgerDB
			}
			e := &example{t, found[title], newDB(t, c.schema, "SET timezone = 'UTC'")}
			e.run(func(post func(path, body string) int, send service.MessageBatchHandlerFunc) { c.do(t, post, send) })
			assert.Equal(t, c.want, e.db.rows(c.check))
		})
	}
}
