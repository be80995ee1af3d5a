package postgrescopy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/postgrescopy/internal/sqltext"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// metricsStream runs a stream into the table m, and gives what its metrics say.
func metricsStream(t *testing.T, db *testDB, yaml string) (send service.MessageBatchHandlerFunc, shown func() string) {
	t.Helper()
	builder := service.NewStreamBuilder()
	mux := http.NewServeMux()
	builder.SetHTTPMux(mux)
	require.NoError(t, builder.SetYAML(`
output:
  postgres_copy:
    dsn: `+sqltext.Quote(db.dsn)+`
    table: m
    `+strings.ReplaceAll(yaml, "\n", "\n    ")+`
metrics: { json_api: {} }
logger: { level: OFF }
`))
	send, err := builder.AddBatchProducerFunc()
	require.NoError(t, err)
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- stream.Run(ctx) }()
	t.Cleanup(func() {
		assert.NoError(t, stream.StopWithin(patient))
		<-done
	})
	return send, func() string {
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return recorder.Body.String()
	}
}

// metric is how the value of a metric, and of its label if it has one, is shown.
func metric(name, label string) string {
	if label != "" {
		key, value, _ := strings.Cut(label, "=")
		label = `,` + key + `=\"` + value + `\"`
	}
	return `"postgres_copy_` + name + `{label=\"\",path=\"root.output\"` + label + `}":`
}

func TestMetricsAnswerAnOperatorsQuestions(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE m (id int PRIMARY KEY, v int CHECK (v > 0), w int NOT NULL DEFAULT 0, parent int REFERENCES parents, u int UNIQUE); INSERT INTO m VALUES (1, 1, 1, NULL, 7)`)
	send, shown := metricsStream(t, db, "write_mode: ignore")
	require.Error(t, send(t.Context(), batchOf(
		fields{"id": 1, "v": 1}, fields{"id": 2, "v": 2}, fields{"id": 5, "v": 5},
		fields{"id": 3, "v": -1}, fields{"id": 4, "v": "x"}, fields{"id": 6, "w": nil}, fields{"id": 7, "parent": 8}, fields{"id": 8, "u": 7}, fields{"id": 9, "z": 1},
	)))
	require.NoError(t, send(t.Context(), batchOf(fields{"id": 10, "v": 1})))
	for want, value := range map[string]string{
		metric("rows_written_total", ""):                      "3",
		metric("rows_skipped_total", "reason=key"):            "1",
		metric("rows_rejected_total", "reason=check"):         "1",
		metric("rows_rejected_total", "reason=type"):          "1",
		metric("rows_rejected_total", "reason=not_null"):      "1",
		metric("rows_rejected_total", "reason=foreign_key"):   "1",
		metric("rows_rejected_total", "reason=unique"):        "1",
		metric("rows_rejected_total", "reason=unknown_field"): "1",
		metric("batches_total", ""):                           "2",
		metric("connections", "state=max"):                    "4",
		metric("connections", "state=idle"):                   "[12]", // one batch and one look at the state
		metric("connections", "state=in_use"):                 "0",
	} {
		assert.Regexp(t, regexp.QuoteMeta(want)+value+`\b`, shown())
	}
	assert.Regexp(t, regexp.QuoteMeta(metric("written_bytes_total", ""))+`[1-9]`, shown())
	assert.Regexp(t, regexp.QuoteMeta(metric("latency_ns", ""))+`\{.*"p50":[1-9]`, shown())
	assert.NotContains(t, shown(), metric("retries_total", "")+"1")
}

func TestRetriesAreCounted(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"what passes": "40001", "a lost connection": "57P01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := newTestDB(t, strings.ReplaceAll(raising(code, "attempt < 4"), " r ", " m "))
			send, shown := metricsStream(t, db, "write_mode: append")
			require.NoError(t, send(t.Context(), batchOf(fields{"id": 1})))
			assert.Contains(t, shown(), metric("retries_total", "")+"3")
			assert.Contains(t, shown(), metric("batches_total", "")+"1")
			assert.Contains(t, shown(), metric("rows_written_total", "")+"1")
		})
	}
}

func TestRowsThatTheLedgerHasAreCounted(t *testing.T) {
	t.Parallel()
	db := newLedgerDB(t, `CREATE TABLE m (v int)`)
	send, shown := metricsStream(t, db, strings.TrimSpace(onceYAML))
	for range 2 {
		require.NoError(t, send(t.Context(), numbered("a", 0, values(0, 5)...)))
	}
	assert.Contains(t, shown(), metric("rows_written_total", "")+"5")
	assert.Contains(t, shown(), metric("rows_skipped_total", "reason=ledger")+"5")
}
