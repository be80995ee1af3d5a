package postgrescopy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestMetricsAnswerAnOperatorsQuestions(t *testing.T) {
	t.Parallel()
	db := newTestDB(t, `CREATE TABLE m (id int PRIMARY KEY, v int CHECK (v > 0)); INSERT INTO m VALUES (1, 1)`)
	builder := service.NewStreamBuilder()
	mux := http.NewServeMux()
	builder.SetHTTPMux(mux)
	require.NoError(t, builder.SetYAML(`
output:
  postgres_copy:
    dsn: `+quoteName(db.dsn)+`
    table: m
    write_mode: ignore
metrics: { json_api: {} }
logger: { level: OFF }
`))
	send, err := builder.AddBatchProducerFunc()
	require.NoError(t, err)
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- stream.Run(ctx) }()

	require.Error(t, send(ctx, batchOf(fields{"id": 1, "v": 1}, fields{"id": 2, "v": 2}, fields{"id": 3, "v": -1}, fields{"id": 4, "v": "x"}, fields{"id": 5, "v": 5})))
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	shown := recorder.Body.String()
	for _, want := range []string{
		`"postgres_copy_rows_written{label=\"\",path=\"root.output\"}":2`,
		`"postgres_copy_rows_skipped{label=\"\",path=\"root.output\",reason=\"key\"}":1`,
		`"postgres_copy_rows_rejected{label=\"\",path=\"root.output\",reason=\"check\"}":1`,
		`"postgres_copy_rows_rejected{label=\"\",path=\"root.output\",reason=\"type\"}":1`,
		`"postgres_copy_batches{label=\"\",path=\"root.output\"}":1`,
		`"postgres_copy_connections{label=\"\",path=\"root.output\",state=\"max\"}":4`,
		`"postgres_copy_bytes{label=\"\",path=\"root.output\"}":`,
		`"postgres_copy_latency_ns{label=\"\",path=\"root.output\"}":`,
	} {
		assert.Contains(t, shown, want)
	}
	require.NoError(t, stream.StopWithin(patient))
	<-done
}
