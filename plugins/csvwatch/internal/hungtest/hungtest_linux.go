// Package hungtest mounts file systems that do not answer, for tests.
package hungtest

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
)

// Mount mounts a file system at target that answers nothing until end is called or the test ends, and from then on with
// errors. Where mounting is not allowed the test is skipped.
func Mount(t *testing.T, target string) (end func()) {
	t.Helper()
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	device, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("there is no FUSE here: %v", err)
	}
	end = sync.OnceFunc(func() { _ = syscall.Close(device) })
	t.Cleanup(end)
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", device)
	if err := syscall.Mount("hung", target, "fuse", 0, options); err != nil {
		t.Skipf("mounting a file system for the test is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		end()
		_ = syscall.Unmount(target, syscall.MNT_DETACH)
	})
	return end
}
