package postgrescopy

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestATableThatIsMissingFillsNoLog(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	db := newTestDB(t, wideTable)
	p, dsn := newProxy(t, db.dsn)
	log := &logBuffer{}
	builder := service.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, builder.SetYAML(fmt.Sprintf("output:\n  postgres_copy:\n    dsn: %q\n    table: v\n    max_in_flight: 4\n", dsn)))
	send, err := builder.AddBatchProducerFunc()
	require.NoError(t, err)
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- stream.Run(ctx) }()
	require.NoError(t, send(ctx, batchOf(wide(0, 10)...)))

	db.exec("DROP TABLE v")
	const batches = 8
	errs := make(chan error, batches)
	for i := range batches {
		go func() { errs <- send(ctx, batchOf(wide(10*i, 10*i+10)...)) }()
	}
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "there is no table v: create it") }, patient, 5*time.Millisecond)
	before := p.taken()
	require.Eventually(t, func() bool { return p.taken() >= before+2 }, patient, 5*time.Millisecond) // it has looked again, twice
	var complaints []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			complaints = append(complaints, line)
		}
	}
	assert.LessOrEqual(t, len(complaints), 2, complaints)

	db.exec(wideTable)
	for range batches {
		require.NoError(t, <-errs)
	}
	assert.Equal(t, "80", db.value("SELECT count(*) FROM v"))
	require.NoError(t, stream.StopWithin(patient))
	<-done
}
