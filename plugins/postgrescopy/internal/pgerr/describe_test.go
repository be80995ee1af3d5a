package pgerr

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without an sslmode the driver tries every address with TLS and without.
func TestFailedConnectionAttemptsAreDescribedInOneLine(t *testing.T) {
	t.Parallel()
	_, err := pgconn.Connect(t.Context(), "postgres://u@127.0.0.1:1/x")
	require.ErrorContains(t, err, "\n")
	assert.Equal(t, "failed to connect to `user=u database=x`: 127.0.0.1:1 (127.0.0.1): dial error: dial tcp 127.0.0.1:1: connect: connection refused", Describe(err))
	_, err = pgconn.Connect(t.Context(), "postgres://u@127.0.0.1:1,127.0.0.1:2/x")
	assert.Equal(t, 1, strings.Count(Describe(err), "127.0.0.1:1 (127.0.0.1)"))
	assert.Contains(t, Describe(err), "refused; 127.0.0.1:2 (127.0.0.1)")
}
