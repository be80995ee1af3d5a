package tests

import (
	"os/exec"
	"syscall"
)

// dieWithUs makes the kernel kill a program when this process ends without cleanups:
// by a panic, or by go test's timeout.
func dieWithUs(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
