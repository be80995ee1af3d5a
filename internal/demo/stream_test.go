package demo

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
	"github.com/stretchr/testify/require"
)

const ticking = `
http: { address: "${HTTP_ADDRESS:127.0.0.1:1}" }
input:
  generate:
    interval: ${INTERVAL:1h}
    count: ${COUNT:0}
    mapping: root = "${WORD:default}"
output:
  drop: {}
metrics:
  prometheus: {}
`

func TestAStreamIgnoresTheEnvironmentOfTheProcess(t *testing.T) {
	t.Setenv("COUNT", "1000000")
	t.Setenv("INTERVAL", "never")
	files := fstest.MapFS{"x.yaml": {Data: []byte(ticking)}}
	s, err := startStream(files, "x.yaml", map[string]string{"INTERVAL": "1ms", "COUNT": "7"}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the stream goes on")
	}
	require.NoError(t, s.err)
	require.Equal(t, int64(7), s.written())
	require.NoError(t, s.stop(t.Context()))
}

func TestAStreamConnectsAndStops(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"x.yaml": {Data: []byte(ticking)}}
	s, err := startStream(files, "x.yaml", map[string]string{"INTERVAL": "1ms"}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, s.awaitConnections(t.Context()))
	require.NoError(t, s.stop(t.Context()))
	require.NoError(t, s.stop(t.Context()))

	_, err = startStream(files, "y.yaml", nil, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "reading the shipped y.yaml")
	_, err = startStream(files, "x.yaml", map[string]string{"INTERVAL": "[]"}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "reading the shipped x.yaml")
}

func TestWarningsAreShownAndEverythingIsLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, closeLog, err := newLogger(t.TempDir()+"/log", &screen{out: &out})
	require.NoError(t, err)
	log = log.With("pipeline", "x")
	log.Info("quiet")
	log.Warn("careful")
	log.Error("broken")
	require.NoError(t, closeLog())
	require.Equal(t, "WARN careful\nERROR broken\n", out.String())
}
