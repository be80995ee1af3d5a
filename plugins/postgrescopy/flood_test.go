package postgrescopy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func TestWhatAPersonMustPutRightIsToldOnceAMinuteAndTriedSlowly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err                   func(n int) error
		atLeast, atMost, told int // in an hour
	}{
		"a missing table":            {func(int) error { return &errNoTable{"t"} }, 200, 300, 61},
		"a setting that is no value": {func(int) error { return serverError("22023") }, 200, 300, 61},
		"a server that is away":      {func(n int) error { return fmt.Errorf("dialling from port %d: refused", 1000+n) }, 3000, 4000, 61},
		"a server that starts":       {func(int) error { return serverError("57P03") }, 3000, 4000, 61},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // an hour goes by at once
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				var p patience
				tries, told := 0, 0
				for ctx.Err() == nil { // as the engine does, which logs each error
					err := p.connect(ctx, func(context.Context) error {
						tries++
						return c.err(tries)
					})
					var pause *service.ErrBackOff
					if errors.As(err, &pause) {
						told++
						_ = sleep(ctx, pause.Wait)
					}
				}
				assert.LessOrEqual(t, told, c.told)
				assert.GreaterOrEqual(t, told, c.told-8)
				assert.LessOrEqual(t, tries, c.atMost)
				assert.GreaterOrEqual(t, tries, c.atLeast)
			})
		})
	}
}

func TestATableThatIsMissingFillsNoLog(t *testing.T) {
	t.Parallel()
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
