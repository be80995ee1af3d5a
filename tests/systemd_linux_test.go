package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// TestTheSystemdUnitIsValid has systemd itself check the unit, with the program
// that was built in the place where it will be installed.
func TestTheSystemdUnitIsValid(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze on this machine")
	}
	program, err := rig.Binary()
	require.NoError(t, err)
	unit, err := os.ReadFile("../deploy/systemd/connect.service")
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(unit, []byte("\nExecStart=/usr/local/bin/connect ")))
	path := filepath.Join(t.TempDir(), "connect.service")
	require.NoError(t, os.WriteFile(path, bytes.Replace(unit, []byte("=/usr/local/bin/connect "), []byte("="+program+" "), 1), 0o644))
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
	// 10 is no protection at all, and 2.5 that of a service that is well shut in.
	out, err = exec.Command(analyze, "security", "--offline=true", "--threshold=25", "--no-pager", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
