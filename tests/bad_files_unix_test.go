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
)

// unprivileged makes the programs of a site run as an unprivileged user if the tests
// run as root.
func (s *site) unprivileged() {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	require.NoError(s.t, os.MkdirAll(s.state, 0o755))
	require.NoError(s.t, os.Chown(s.state, nobody, nobody))
	// Other users cannot enter the folders above a test's own.
	for dir := s.events; dir != filepath.Clean(os.TempDir()) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		require.NoError(s.t, os.Chmod(dir, 0o755))
	}
	s.prepare = func(cmd *exec.Cmd) {
		cmd.Dir = s.state
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

func TestAnUnreadableFileIsReadOncePermitted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.unprivileged()
	s.dropFile("secret.csv", csvFile(0, 10))
	path := filepath.Join(s.events, "secret.csv")
	require.NoError(t, os.Chmod(path, 0))
	p := s.pipelineWith(quickly)
	s.goesOn(p, 5)
	requireLoggedOnce(t, p, "secret.csv", "permission denied")
	require.NoError(t, os.Chmod(path, 0o644))
	s.db.awaitStored(60)
	s.db.require("0", "SELECT count(*) FROM rejected_events")
	p.terminate()
}

func TestAnUnreadableFolderIsReadOncePermitted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.unprivileged()
	s.dropFile("closed/inside.csv", csvFile(0, 10))
	dir := filepath.Join(s.events, "closed")
	require.NoError(t, os.Chmod(dir, 0))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // so that it can be removed
	p := s.pipelineWith(quickly)
	s.goesOn(p, 5)
	requireLoggedOnce(t, p, "closed", "permission denied")
	require.NoError(t, os.Chmod(dir, 0o755))
	s.db.awaitStored(60)
	p.terminate()
}

func TestAFIFOIsSkipped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	require.NoError(t, syscall.Mkfifo(filepath.Join(s.events, "pipe.csv"), 0o644))
	require.NoError(t, os.Symlink("nowhere.csv", filepath.Join(s.events, "dangling.csv")))
	require.NoError(t, os.Symlink(s.events, filepath.Join(s.events, "loop")))
	p := s.pipelineWith(quickly)
	s.goesOn(p, 5)
	require.LessOrEqual(t, len(p.lines(`pipe\.csv`)), 1, "logged at every scan")
	require.LessOrEqual(t, len(p.lines(`dangling\.csv`)), 1, "logged at every scan")
	require.LessOrEqual(t, len(p.complaints()), 2)
	p.terminate()
	s.db.require("50", "SELECT count(*) FROM user_events")
}

func TestAnUnwritableStateFolderIsLoggedAtStart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.unprivileged()
	closed := filepath.Join(s.state, "closed")
	require.NoError(t, os.MkdirAll(closed, 0o755))
	require.NoError(t, os.Chmod(closed, 0o555))
	s.dropFile("a.csv", csvFile(0, 10))
	p := s.pipeline("STATE_DIR=" + closed)
	p.awaitLine(`level=error .*checkpoint.*permission denied`)
	require.NoError(t, os.Chmod(closed, 0o777))
	s.db.awaitStored(10)
	p.requireCalm(5)
	p.terminate()
}

// File names need not be text.
func TestAnyFileNameIsStored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.dropFile("a\n\x1b[31m\xff'\".csv", csvFile(0, 3)+"no,row\n")
	s.dropFile("odd-header.csv", header+",\x1bodd\n"+record(3)+",a\n"+record(4)+",b\n"+record(5)+",x\"\n")
	p := s.pipeline()
	s.db.awaitStored(5)
	s.db.awaitRejected(2)
	require.Len(t, s.db.rejected(filepath.Join(s.events, "a\n\x1b[31m\\xff'\".csv")), 1)
	r := s.db.rejected(filepath.Join(s.events, "odd-header.csv"))
	require.Len(t, r, 1)
	require.Contains(t, r[0].Reason, `\x1bodd`)
	require.Len(t, p.complaints(), 2, "of the column that is not expected")
	require.NotContains(t, strings.Join(p.complaints(), ""), "\x1b")
	p.terminate()
}
