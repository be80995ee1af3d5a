//go:build unix

package postgres

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// watchdogScript reads process IDs, one per line, from a pipe; 0 means none. The
// pipe ends when the parent process does. The script then stops the last process
// and removes the directory.
//
// After SIGQUIT a postmaster first ends its children and last removes its lock
// file. The script waits for that rather than for the process, which may remain a
// zombie, and kills the process after ten seconds.
const watchdogScript = `
trap '' HUP INT TERM
pid=0
while read -r line; do pid=$line; done
if [ "$pid" -gt 0 ]; then
	kill -QUIT "$pid" 2>/dev/null
	tries=0
	while [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 200 ]; do
		sleep 0.05 2>/dev/null || sleep 1
		tries=$((tries + 1))
	done
	kill -KILL "$pid" 2>/dev/null
fi
tries=0
while [ -e "$1" ] && [ "$tries" -lt 10 ]; do
	rm -rf -- "$1" 2>/dev/null || sleep 1
	tries=$((tries + 1))
done
`

// watchdog is a process that outlives this one to stop the server and remove its
// directory, because no code runs here after SIGKILL or os.Exit.
type watchdog struct {
	mu   sync.Mutex
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startWatchdog(dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "postgres-watchdog", dir)
	cmd.Dir = "/"
	// A session of its own, so that Ctrl-C and closing the terminal do not end it.
	// It does not inherit the outputs, whose readers would wait for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

// watch sets the process to stop when this one ends; 0 is none.
func (w *watchdog) watch(pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// The server works even if the watchdog is gone.
	_, _ = fmt.Fprintln(w.pipe, pid)
}

// release makes the watchdog clean up now and waits for it.
func (w *watchdog) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
