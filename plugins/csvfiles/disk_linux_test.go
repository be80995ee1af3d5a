package csvfiles

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// childEnv is the environment variable of a test's child process: the folder to
// write to.
const childEnv = "CSV_FILES_TEST_CHILD_DIR"

// runAsChild runs the calling test in a child process.
func runAsChild(t *testing.T, dir string, attr *syscall.SysProcAttr) (output string, started bool, err error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.SysProcAttr = attr
	var b strings.Builder
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := cmd.Start(); err != nil {
		return "", false, err
	}
	err = cmd.Wait()
	return b.String(), true, err
}

// largeBatch returns rows for a file of 200 kB, or 100 kB compressed.
func largeBatch() service.MessageBatch {
	var rows []any
	for range 1_000 {
		var b [100]byte
		_, _ = rand.Read(b[:])
		rows = append(rows, object{"text": hex.EncodeToString(b[:])})
	}
	return batchOf(rows...)
}

// TestAFullDiskFailsTheBatchAndLeavesNothing fills a file system that it mounts
// in a child process with its own mount namespace.
func TestAFullDiskFailsTheBatchAndLeavesNothing(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		output, started, err := runAsChild(t, t.TempDir(), &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWNS | unix.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		})
		if !started || strings.Contains(output, "no mount here") {
			t.Skipf("cannot mount a file system here; the test of the file size limit runs instead: %v %s", err, output)
		}
		require.NoError(t, err, output)
		return
	}

	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=128k"); err != nil {
		t.Skip("no mount here: ", err)
	}
	for _, yaml := range []string{"", "\ncompression: gzip"} {
		write(t, dir+"/ballast", strings.Repeat("b", 124<<10))
		o := newTestOutput(t, "path: "+dir+"/events.csv"+yaml)
		for range 3 {
			err := o.WriteBatch(t.Context(), largeBatch())
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.ErrorContains(t, err, "writing "+dir+"/events.csv")
			assert.Equal(t, []string{"ballast"}, names(t, dir))
		}
		require.NoError(t, os.Remove(dir+"/ballast"))
		require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"id": 1})), "there is room again")
		for _, name := range names(t, dir) {
			assert.Contains(t, name, "events")
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
	}
}

// TestAPartialWriteFailsTheBatchAndLeavesNothing runs everywhere: a limit on the
// file size makes a write fail midway.
func TestAPartialWriteFailsTheBatchAndLeavesNothing(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		output, _, err := runAsChild(t, t.TempDir(), nil)
		require.NoError(t, err, output)
		return
	}

	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}))
	o := newTestOutput(t, "path: "+dir+"/sub/events.csv")
	for range 3 {
		err := o.WriteBatch(t.Context(), largeBatch())
		require.ErrorIs(t, err, syscall.EFBIG)
		require.ErrorContains(t, err, "writing "+dir+"/sub/events.csv: ")
		assert.Empty(t, names(t, dir+"/sub"))
	}
	require.NoError(t, o.WriteBatch(t.Context(), batchOf(object{"id": 1})))
	assert.Equal(t, []string{"events.csv"}, names(t, dir+"/sub"))
}

func TestAReadOnlyDirectoryFailsTheBatch(t *testing.T) {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	require.NoError(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o777) })
	o := newTestOutput(t, "path: "+dir+"/events.csv")
	err := o.WriteBatch(t.Context(), batchOf(object{"id": 1}))
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, "writing "+dir+"/events.csv: ")
}

// TestAKilledProcessLeavesNoPartialFile repeatedly kills a child while it writes.
func TestAKilledProcessLeavesNoPartialFile(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir != "" {
		o := newTestOutput(t, "path: "+dir+"/events.csv")
		for {
			require.NoError(t, o.WriteBatch(t.Context(), largeBatch()))
		}
	}
	t.Parallel()
	dir = t.TempDir()
	const size = int64(len("text\n") + 1_000*201)
	for range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		before := len(names(t, dir))
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		for len(names(t, dir)) < before+3 {
			select {
			case <-ended:
				require.Fail(t, "the child ended early")
			default:
			}
		}
		require.NoError(t, cmd.Process.Kill())
		<-ended
	}
	seen := 0
	for _, name := range names(t, dir) {
		if strings.HasPrefix(name, ".") {
			assert.Regexp(t, temporaryName, name)
			continue
		}
		seen++
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, size, info.Size(), name)
	}
	assert.GreaterOrEqual(t, seen, 5)
}
