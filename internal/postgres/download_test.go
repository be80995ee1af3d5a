package postgres

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
	"github.com/stretchr/testify/require"
)

func TestADownloadThatFailsLeavesNothingInTheCache(t *testing.T) {
	repository := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(repository.Close)
	t.Setenv(RepositoryVariable, repository.URL)
	t.Setenv("TMPDIR", t.TempDir()) // where the library leaves its log

	cache := t.TempDir()
	home := filepath.Join(cache, "17")
	err := unpack(t.Context(), downloadVersion, cache, home)
	require.ErrorContains(t, err, "no version found matching "+string(downloadVersion))
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAContextCancelsADownloadThatHangs(t *testing.T) {
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
	require.ErrorIs(t, unpack(ctx, downloadVersion, cache, filepath.Join(cache, "17")), context.Canceled)
}

// TestADownloadedServerRuns downloads 15 MB, so it only runs on request.
func TestADownloadedServerRuns(t *testing.T) {
	version := os.Getenv("POSTGRES_TEST_DOWNLOAD")
	if version == "" {
		t.Skip("set POSTGRES_TEST_DOWNLOAD=17, or to another major version, to download that PostgreSQL")
	}
	dir, err := download(t.Context(), Options{Version: version})
	require.NoError(t, err)
	acct, err := serverAccount()
	require.NoError(t, err)
	bin, err := thisMachine(acct).inspect(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, version, majorOf(bin.Version))
	server, err := startOwn(t.Context(), Options{}, acct, bin)
	require.NoError(t, err)
	require.NoError(t, server.StopNow(t.Context()))
	require.NoError(t, server.Restart(t.Context()))
	require.NoError(t, server.Stop(t.Context()))
}

func TestOnlyPublishedVersionsAreDownloaded(t *testing.T) {
	t.Parallel()
	for wanted, want := range map[string]embeddedpostgres.PostgresVersion{"": downloadVersion, "13": "13.23.0", "18": embeddedpostgres.V18} {
		version, err := choose(wanted)
		require.NoError(t, err)
		require.Equal(t, want, version)
	}
	for _, wanted := range []string{"1", "11", "17.5", "x"} {
		_, err := choose(wanted)
		require.ErrorContains(t, err, "only of the major versions 12 to 18")
	}
}
