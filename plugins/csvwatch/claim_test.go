package csvwatch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/plugins/csvwatch/internal/positions"
)

func TestASecondInstanceLogsOnceAndWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startInput(t, dir, "")
	second := newInput(first.config, service.MockResources())
	// The engine logs what is returned here.
	err := second.Connect(t.Context())
	require.ErrorIs(t, err, positions.ErrInUse)
	require.ErrorContains(t, err, "is in use by another csv_watch: give each input a checkpoint_dir of its own")

	waiting, giveUp := context.WithCancel(t.Context())
	connected := make(chan error, 1)
	go func() { connected <- second.Connect(waiting) }()
	giveUp()
	require.ErrorIs(t, <-connected, context.Canceled, "a stop ends the waiting")

	go func() { connected <- second.Connect(t.Context()) }()
	require.NoError(t, first.Close(t.Context()))
	require.NoError(t, <-connected, "it takes over when the first one ends")
	require.NoError(t, second.Close(t.Context()))
}

func TestAFailureToOpenPositionsIsLoggedOnce(t *testing.T) {
	t.Parallel()
	inTheWay := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(inTheWay, nil, 0o600))
	c, err := parse(fmt.Sprintf("paths: [ '*.csv' ]\ncheckpoint_dir: %q", filepath.Join(inTheWay, "positions")))
	require.NoError(t, err)
	in := newInput(c, service.MockResources())
	require.ErrorContains(t, in.Connect(t.Context()), "making the checkpoint directory")

	connected := make(chan error, 1)
	go func() { connected <- in.Connect(t.Context()) }()
	require.Never(t, func() bool { return len(connected) > 0 }, 3*claimEvery, claimEvery, "the same problem is not logged again")
	require.NoError(t, os.Remove(inTheWay))
	require.NoError(t, <-connected, "it goes on when it was put right")
	require.NoError(t, in.Close(t.Context()))
}

func TestTheBackoffIsBounded(t *testing.T) {
	t.Parallel()
	require.Equal(t, 10*time.Second, nextBackoff(0))
	require.Equal(t, 20*time.Second, nextBackoff(10*time.Second))
	require.Equal(t, 10*time.Minute, nextBackoff(9*time.Minute))
}
