package watch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fewWatchesEnv makes the test binary the child process that may have eight inotify watches.
const fewWatchesEnv = "CSV_WATCH_TEST_FEW_WATCHES"

//promise:bounded-logs
func TestFoldersWithoutInotifyWatchesAreScanned(t *testing.T) {
	t.Parallel()
	if os.Getenv(fewWatchesEnv) == "" {
		inUserNamespace(t, fewWatchesEnv)
		return
	}
	require.NoError(t, os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("8"), 0))
	w := newWorld(t)
	w.options.PollInterval = 20 * time.Millisecond
	var rows []string
	for n := range 30 {
		rows = append(rows, fmt.Sprintf("%d,x", n))
		w.write(fmt.Sprintf("in/folder-%d/a.csv", n), "id,v\n"+rows[n]+"\n")
	}
	w.start()
	w.expect(rows...)
	for range 100 {
		require.NoError(t, w.watcher.ScanNow(t.Context()))
	}
	require.Equal(t, 1, w.log.count("the system has no more change notifications to give: raise fs.inotify.max_user_watches, such as with "+
		"sysctl fs.inotify.max_user_watches=1048576. Without notifications, folders are scanned every 20ms"), "the log has:\n%s", w.log)
	require.Equal(t, 1, w.log.count("error"), "the log has:\n%s", w.log)
	require.Zero(t, w.log.count("warn"), "the log has:\n%s", w.log)

	w.append("in/folder-29/a.csv", "30,y\n")
	w.until("a folder that is only scanned shows what is new", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.rows) == 1
	})
	w.expect("30,y")
	w.close()
}

// inUserNamespace runs the current test once more, with this variable of the environment set, as root of a user namespace,
// where it may change the limits of its own.
func inUserNamespace(t *testing.T, env string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), env+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := child.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Skipf("user namespaces are not allowed here: %v", err)
	}
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}
