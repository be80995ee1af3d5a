//go:build unix

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecommerce-ingest/connect/tests/rig"
)

// runUnprivileged makes the programs of a site run as an unprivileged user if the tests
// run as root.
func runUnprivileged(s *rig.Site) {
	s.T.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	require.NoError(s.T, os.MkdirAll(s.StateDir, 0o755))
	require.NoError(s.T, os.Chown(s.StateDir, nobody, nobody))
	// Other users cannot enter the folders above a test's own.
	for dir := s.EventsDir; dir != filepath.Clean(os.TempDir()) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		require.NoError(s.T, os.Chmod(dir, 0o755))
	}
	s.Prepare = func(cmd *exec.Cmd) {
		cmd.Dir = s.StateDir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

func TestAnUnreadableFileIsReadOncePermitted(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	runUnprivileged(s)
	s.DropFile("secret.csv", rig.CSVFile(0, 10))
	path := filepath.Join(s.EventsDir, "secret.csv")
	require.NoError(t, os.Chmod(path, 0))
	p := s.PipelineWith(quickly)
	requireProgress(s, 5)
	requireLoggedOnce(t, p, "secret.csv", "permission denied")
	require.NoError(t, os.Chmod(path, 0o644))
	s.DB.AwaitStored(60)
	s.DB.Require("0", "SELECT count(*) FROM rejected_events")
	p.Terminate()
}

func TestAnUnreadableFolderIsReadOncePermitted(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	runUnprivileged(s)
	s.DropFile("closed/inside.csv", rig.CSVFile(0, 10))
	dir := filepath.Join(s.EventsDir, "closed")
	require.NoError(t, os.Chmod(dir, 0))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
	p := s.PipelineWith(quickly)
	requireProgress(s, 5)
	requireLoggedOnce(t, p, "closed", "permission denied")
	require.NoError(t, os.Chmod(dir, 0o755))
	s.DB.AwaitStored(60)
	p.Terminate()
}

func TestAFIFOIsSkipped(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	require.NoError(t, syscall.Mkfifo(filepath.Join(s.EventsDir, "pipe.csv"), 0o644))
	require.NoError(t, os.Symlink("nowhere.csv", filepath.Join(s.EventsDir, "dangling.csv")))
	require.NoError(t, os.Symlink(s.EventsDir, filepath.Join(s.EventsDir, "loop")))
	p := s.PipelineWith(quickly)
	requireProgress(s, 5)
	require.LessOrEqual(t, len(p.Lines(`pipe\.csv`)), 1, "logged at every scan")
	require.LessOrEqual(t, len(p.Lines(`dangling\.csv`)), 1, "logged at every scan")
	require.LessOrEqual(t, len(p.Complaints()), 2)
	p.Terminate()
	s.DB.Require("50", "SELECT count(*) FROM user_events")
}

func TestAnUnwritableStateFolderIsLoggedAtStart(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	runUnprivileged(s)
	closed := filepath.Join(s.StateDir, "closed")
	require.NoError(t, os.MkdirAll(closed, 0o755))
	require.NoError(t, os.Chmod(closed, 0o555))
	s.DropFile("a.csv", rig.CSVFile(0, 10))
	p := s.Pipeline("STATE_DIR=" + closed)
	p.AwaitLine(`level=error .*checkpoint.*permission denied`)
	require.NoError(t, os.Chmod(closed, 0o777))
	s.DB.AwaitStored(10)
	p.RequireCalm(5)
	p.Terminate()
}

// File names need not be text.
func TestAnyFileNameIsStored(t *testing.T) {
	t.Parallel()
	s := rig.NewSite(t)
	s.DropFile("a\n\x1b[31m\xff'\".csv", rig.CSVFile(0, 3)+"no,row\n")
	s.DropFile("odd-header.csv", rig.Header+",\x1bodd\n"+rig.Record(3)+",a\n"+rig.Record(4)+",b\n"+rig.Record(5)+",x\"\n")
	p := s.Pipeline()
	s.DB.AwaitStored(5)
	s.DB.AwaitRejected(2)
	require.Len(t, s.DB.Rejected(filepath.Join(s.EventsDir, "a\n\x1b[31m\\xff'\".csv")), 1)
	r := s.DB.Rejected(filepath.Join(s.EventsDir, "odd-header.csv"))
	require.Len(t, r, 1)
	require.Contains(t, r[0].Reason, `\x1bodd`)
	require.Len(t, p.Complaints(), 2, "of the column that is not expected")
	require.NotContains(t, strings.Join(p.Complaints(), ""), "\x1b")
	p.Terminate()
}
