//go:build !linux

package kafkatest

import "os/exec"

// dieWithUs is Linux's alone.
func dieWithUs(*exec.Cmd) {}

// removeAtExit is Linux's alone: elsewhere the directory stays among the
// temporary ones.
func removeAtExit(string, int) {}
