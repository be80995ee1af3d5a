//go:build unix

package postgres

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// watchdogScript reads process IDs, one a line, of which the last counts and 0
// means none. The pipe it reads from ends when our process does, however it
// does: then the last named process is stopped and the directory removed.
//
// A postmaster that gets SIGQUIT ends its own children first, and deletes its
// lock file last; that shows its end sooner than its process does, which may
// stay as a zombie for as long as a lazy init likes. What is left after ten
// seconds is killed.
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

// watchdog is a small process beside ours that outlives it just long enough to
// stop the server and remove its directory. Only a process can do that: no code
// of ours runs after SIGKILL, nor after os.Exit.
type watchdog struct {
	mu   sync.Mutex
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startWatchdog(dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "postgres-watchdog", dir)
	cmd.Dir = "/"
	// Its own session: neither a Ctrl-C nor the closing of the terminal is
	// meant for it. The pipe is the only thing it has of ours; its outputs go
	// nowhere, lest it keep a reader of ours waiting.
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

// watch names the process to stop when ours ends; 0 is none.
func (w *watchdog) watch(pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// Should the watchdog be gone there is nobody to tell, and the server is
	// none the worse for it.
	_, _ = fmt.Fprintln(w.pipe, pid)
}

// release lets the watchdog do its work now, and returns when it has.
func (w *watchdog) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
