package postgres

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADownloadThatFailsLeavesNothingInTheCache(t *testing.T) {
	repository := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(repository.Close)
	t.Setenv(RepositoryVariable, repository.URL)
	t.Setenv("TMPDIR", t.TempDir()) // where the library leaves its log

	cache := t.TempDir()
	home := filepath.Join(cache, "17")
	err := unpack(t.Context(), cache, home)
	require.ErrorContains(t, err, "no version found matching "+string(downloadVersion))
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestADownloadThatHangsIsGivenUpWithItsContext(t *testing.T) {
	asked, leave := make(chan struct{}), make(chan struct{})
	repository := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-leave
	}))
	t.Cleanup(func() { close(leave); repository.Close() })
	t.Setenv(RepositoryVariable, repository.URL)
	t.Setenv("TMPDIR", t.TempDir()) // where the library leaves its log

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	cache := t.TempDir()
	require.ErrorIs(t, unpack(ctx, cache, filepath.Join(cache, "17")), context.Canceled)
}

// TestADownloadedServerRuns fetches some 15 MB, so it runs when asked only.
func TestADownloadedServerRuns(t *testing.T) {
	if os.Getenv("POSTGRES_TEST_DOWNLOAD") == "" {
		t.Skip("set POSTGRES_TEST_DOWNLOAD=1 to download PostgreSQL")
	}
	dir, err := download(t.Context(), Options{})
	require.NoError(t, err)
	acct, err := serverAccount()
	require.NoError(t, err)
	bin, err := thisMachine(acct).inspect(t.Context(), dir)
	require.NoError(t, err)
	server, err := startOwn(t.Context(), Options{}, acct, bin)
	require.NoError(t, err)
	require.NoError(t, server.StopNow(t.Context()))
	require.NoError(t, server.Restart(t.Context()))
	require.NoError(t, server.Stop(t.Context()))
}
