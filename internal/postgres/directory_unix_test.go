//go:build unix

package postgres

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACancelledCheckIsNotALackOfPermission(t *testing.T) {
	t.Parallel()
	acct, parent := otherAccount(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := makeDir(ctx, parent, acct)
	require.Equal(t, context.Canceled, err)
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestADirectoryBehindAPrivateOneIsRefused(t *testing.T) {
	t.Parallel()
	acct, parent := otherAccount(t)
	private := filepath.Join(parent, "private")
	require.NoError(t, os.Mkdir(private, 0o700))
	_, err := makeDir(t.Context(), private, acct)
	require.EqualError(t, err, private+" cannot be entered by the user that PostgreSQL runs as")
	require.NoError(t, os.Chmod(private, 0o755))
	dir, err := makeDir(t.Context(), private, acct)
	require.NoError(t, err)
	require.DirExists(t, dir)
}

// otherAccount returns the unprivileged account that root runs PostgreSQL as, and a
// directory that the account can enter.
func otherAccount(t *testing.T) (*account, string) {
	t.Helper()
	acct, err := serverAccount()
	require.NoError(t, err)
	if acct.credential == nil {
		t.Skip("only root runs PostgreSQL as somebody else")
	}
	parent, err := os.MkdirTemp("", "postgres-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
	require.NoError(t, os.Chmod(parent, 0o755))
	return acct, parent
}
