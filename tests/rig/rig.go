// Package rig starts what the tests of the whole program need: the program itself,
// built once per test run, with its database, folders and config (Site), Prometheus
// and a browser. Everything it starts ends with the test. The Require and Await
// functions fail the test themselves.
package rig

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// scratch is the folder of the program that this run builds.
var scratch string

// Main runs the tests of a package and removes the program afterwards. Every package
// that uses the rig calls it from its TestMain, and exits with what it returns.
func Main(m *testing.M) int {
	// These tests mostly wait for other processes, so more of them may run at once than
	// there are processors. The flag -parallel takes precedence.
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var err error
	if scratch, err = os.MkdirTemp("", "connect-tests-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	// Unprivileged users must be able to run the program.
	if err := os.Chmod(scratch, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Binary builds the program once for all tests of this run and returns its path.
func Binary() (string, error) { return binary() }

var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "connect")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", path, "github.com/ecommerce-ingest/connect/cmd/connect").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the program: %w: %s", err, out)
	}
	return path, nil
})
