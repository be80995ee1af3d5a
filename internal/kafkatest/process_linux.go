package kafkatest

import (
	"os/exec"
	"strconv"
	"syscall"
)

// dieWithUs has the kernel kill a program when this one ends.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// removeAtExit removes the directory once the process is gone, which no code of
// ours can do after os.Exit.
func removeAtExit(dir string, pid int) {
	cmd := exec.Command("/bin/sh", "-c", `while kill -0 "$2" 2>/dev/null; do sleep 1; done; rm -rf -- "$1"`, "sh", dir, strconv.Itoa(pid))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	_ = cmd.Start() // the directory is a temporary one
}
