// Package tests runs the built program as a user would, with a real PostgreSQL, the
// shipped configs, real folders and real signals. It tests what the components
// guarantee together; each component's own tests are beside it.
package tests

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

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
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

// binary builds the program once for all tests of this run and returns its path.
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
